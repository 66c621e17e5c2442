// SPDX-License-Identifier: Apache-2.0
import type { BoundProbe } from '../connector/probe.ts';
import { Failure } from '../connector/failure.ts';
import type { Candidate } from '../store/port.ts';
import type { OpenScope } from './scope-ledger.ts';

/** Calls of one pass; at 70 ids a call more records than any deletion budget lets go without a person's word. */
export const maxProbeCalls = 100;
/** So many records that a full reading left out, though they are given by id, may have moved or come back meanwhile; more is a wrong list. */
const maxStrays = 5;

/** What the vendor says of the records that look gone, asked for one by one. */
export interface Probed {
  readonly asked: number;
  readonly present: readonly Candidate[];
  readonly hidden: readonly Candidate[];
  /** Stated as deleted by the vendor itself. */
  readonly stated: readonly Candidate[];
}

/** How many candidates are asked for. */
export function probeLimit({ idsPerCall }: BoundProbe): number {
  return idsPerCall * maxProbeCalls;
}

/**
 * Asks for candidates by their ids, one call after the other: the upstream kit keeps to the budget of the account. `mayGoOn` is asked before each
 * call. Throws what the probe throws.
 */
export async function probeCandidates(
  probe: BoundProbe,
  candidates: readonly Candidate[],
  mayGoOn: () => void,
): Promise<Probed> {
  const present: Candidate[] = [];
  const hidden: Candidate[] = [];
  const stated: Candidate[] = [];
  for (let start = 0; start < candidates.length; start += probe.idsPerCall) {
    mayGoOn();
    const some = candidates.slice(start, start + probe.idsPerCall);
    const answers = await probe.ask(some.map(({ externalId }) => externalId));
    for (const candidate of some) {
      switch (answers.get(candidate.externalId)) {
        case 'present':
          present.push(candidate);
          break;
        case 'hidden':
          hidden.push(candidate);
          break;
        case 'gone':
          stated.push(candidate);
          break;
        case undefined:
      }
    }
  }
  return { asked: candidates.length, present, hidden, stated };
}

/** Scopes that the answers show to have been read badly, with what is wrong; none when single records lived on at most. Pure. */
export function misreadScopes(stream: string, { present, hidden }: Probed): readonly OpenScope[] {
  const wrong: OpenScope[] = [];
  const state = (
    code: 'contract' | 'permission',
    some: readonly Candidate[],
    what: string,
    remedy: string,
  ) => {
    for (const [scope, ofScope] of Map.groupBy(some, (candidate) => candidate.scope)) {
      const which = `${ofScope.length} records of scope ${scope} (first ${ofScope[0]?.externalId}) ${what}`;
      const message = `${stream}: ${which}; nothing is taken as deleted${remedy}`;
      wrong.push({ scope, failure: new Failure(code, message) });
    }
  };
  if (present.length > maxStrays)
    state('contract', present, 'are given by id and missing in the full reading', '');
  state('permission', hidden, 'are there but hidden from the account', '; grant it read access to all rows');
  return wrong;
}
