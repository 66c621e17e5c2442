// SPDX-License-Identifier: Apache-2.0
import type { Verdict } from '../api/conditions.ts';
import { tell } from '../api/failure.ts';
import { listed } from '../api/listed.ts';
import type { StreamStatus, SyncRunStatus } from '../api/sync-run.ts';
import { unverifiedScopesOf } from '../api/unverified-scopes.ts';

/** Of the 1024 characters of a message, so that what it leaves out is counted and never cut off unseen. */
const roomForStreams = 420;
const roomForScopes = 360;

/**
 * The condition Complete: whether the newest run that read came to a verified end everywhere, so that what it did not see is gone. The first
 * thing to look at when records that are gone upstream stay: its reason is that of the failure, its message names streams and
 * scopes. Tests and plans delete nothing anyway: the verdict before them stays.
 */
export function completeVerdict(
  run: SyncRunStatus | undefined,
  reasonOf: (code: NonNullable<SyncRunStatus['failure']>['code']) => string,
): readonly Verdict[] {
  const type = 'Complete';
  if (run === undefined) {
    return [{ type, status: 'Unknown', reason: 'NotRead', message: 'no run has read with this spec yet' }];
  }
  if (run.mode === 'Test' || run.mode === 'Plan') return [];
  const { streams = [], failure, phase } = run;
  const open = streams.filter(({ complete }) => !complete);
  if (phase === 'Cancelled') {
    const message =
      'the newest run was stopped before its end; the next goes on, and nothing is deleted until then';
    return [{ type, status: 'Unknown', reason: 'ReadingGoesOn', message }];
  }
  const isWhole = open.length === 0 && streams.length > 0 && unverifiedScopesOf(run).total === 0;
  if (isWhole) return [{ type, ...ofWholeStreams(run, streams) }];
  const message = `not read to a verified end, so nothing absent there is deleted: ${whatOf(run, open)}${whereOf(run)}`;
  return [
    {
      type,
      status: 'False',
      reason: failure === undefined ? 'ScopesUnverified' : reasonOf(failure.code),
      message: failure === undefined ? message : tell({ message, audience: failure.audience }),
    },
  ];
}

function ofWholeStreams(run: SyncRunStatus, streams: readonly StreamStatus[]): Omit<Verdict, 'type'> {
  if ((run.streamsLeftOut ?? 0) > 0 && run.phase !== 'Succeeded') {
    const message = `${run.streamsLeftOut} streams are not in the record of the run; look into the database`;
    return { status: 'Unknown', reason: 'NotShown', message };
  }
  const unproven = streams.filter(({ evidence }) => (evidence?.scopesUnproven ?? 0) > 0);
  if (unproven.length > 0) {
    const names = unproven.map(({ name }) => name).join(', ');
    const message = `read in full, but what is absent is not proven gone and stays: the external system does not count (${names})`;
    return { status: 'Unknown', reason: 'NotCounted', message };
  }
  return { status: 'True', reason: 'Verified', message: verified(streams) };
}

function whatOf({ streamsLeftOut = 0 }: SyncRunStatus, open: readonly StreamStatus[]): string {
  const shown = open.length === 0 ? [] : [listed(open.map(said), { separator: '; ', room: roomForStreams })];
  const unknown = streamsLeftOut === 0 ? [] : [`${streamsLeftOut} streams are not in the record`];
  return [...shown, ...unknown].join('; ') || 'nothing was read';
}

function whereOf(run: SyncRunStatus): string {
  const { named, total } = unverifiedScopesOf(run);
  if (total === 0) return '';
  const scopes = `${total} ${total === 1 ? 'scope' : 'scopes'} not verified`;
  if (named.length === 0) return ` (${scopes})`;
  const names = named.map(({ stream, scope }) => `${stream}/${scope}`);
  return ` (${scopes}: ${listed(names, { total, room: roomForScopes })})`;
}

function said({ name, incompleteReason = 'incomplete', withheld = 0 }: StreamStatus): string {
  const kept = withheld === 0 ? '' : `, ${withheld} records that were not seen are kept`;
  return `${name}: ${incompleteReason}${kept}`;
}

function verified(streams: readonly StreamStatus[]): string {
  const sum = (of: (stream: StreamStatus) => number) => streams.reduce((all, stream) => all + of(stream), 0);
  const scopes = sum(({ scopesVerified = 0 }) => scopesVerified);
  const counted = sum(({ evidence }) => evidence?.scopesCounted ?? 0);
  const lacking = sum(({ evidence }) => evidence?.scopesNotOffered ?? 0);
  const without = lacking === 0 ? '' : `, and does not offer ${lacking}`;
  return `the newest run read ${streams.length} streams to a verified end: ${scopes} scopes, of which the external system counted ${counted}${without}`;
}
