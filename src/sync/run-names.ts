// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';

/*
 * Names of the runs that the operator makes. Each follows from its cause alone, so that a crash between making a run and
 * noting it cannot make a second one.
 */

/** `<system>-<slot in unix minutes>`. */
export function slotRunName(system: string, slot: Date): string {
  return `${system}-${Math.floor(slot.getTime() / 60_000)}`;
}

/** For a run-requested token. */
export function requestRunName(system: string, uid: string, token: string): string {
  return `${system}-r-${digest(`${uid}/${token}`)}`;
}

/** For a new generation of the spec. */
export function specRunName(system: string, generation: number): string {
  return `${system}-g-${generation}`;
}

/** For changed credentials. */
export function credentialsRunName(system: string, secretUid: string, resourceVersion: string): string {
  return `${system}-c-${digest(`${secretUid}/${resourceVersion}`)}`;
}

/** For an approval of proposed deletions. */
export function approvalRunName(system: string, uid: string, token: string): string {
  return `${system}-d-${digest(`${uid}/${token}`)}`;
}

/**
 * RE2 of the names above, whatever the system: a run of that name that a person made would stand in the place of one that the operator
 * is to make. Slots in unix minutes have eight digits from 1989 to 2160.
 */
export const madeRunName = '-([0-9]{8}|[rcd]-[0-9a-f]{10}|g-[0-9]+)$';

function digest(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 10);
}
