// SPDX-License-Identifier: Apache-2.0
import type { Presence, StreamProbe } from '../../src/connector/probe.ts';
import { idsPerQuery } from './deletions.ts';
import { isSafeId, sysIdOf } from './raw-row.ts';
import { allOf } from './read-window.ts';
import type { Session } from './session.ts';
import { askPage, pageRequest } from './walk.ts';

/** Where the records of a stream may stand: tables, and the filter of the configuration. */
export interface Places {
  readonly tables: readonly string[];
  readonly query: string;
  /** The tables by which the audit of deletions names them. */
  readonly audited: readonly string[];
}

/**
 * Looks records up by sys_id. The count of an answer includes rows that row access hides, so a record that is counted and not given is hidden;
 * one that is neither counted nor given has been deleted, has left the filter, or lies in another domain, of which the count tells nothing.
 * Only the audit of deletions tells the first from the others, for those who may read it.
 */
export function sysIdProbe(placesOf: (session: Session) => Promise<Places>): StreamProbe<Session> {
  return {
    idsPerCall: idsPerQuery,
    async ask(session, ids) {
      const places = await placesOf(session);
      const answers = new Map<string, Presence>();
      const safe = ids.filter(isSafeId);
      for (const table of places.tables) {
        const open = safe.filter((id) => answers.get(id) !== 'present');
        await lookUp(session, { table, query: places.query }, open, answers);
      }
      const missing = safe.filter((id) => !answers.has(id));
      for (const id of await session.deletions.statedOf(missing, places.audited)) answers.set(id, 'gone');
      return answers;
    },
  };
}

/** Of a stream that reads one table as a whole. */
export function tableProbe(table: string): StreamProbe<Session> {
  return sysIdProbe(async () => ({ tables: [table], query: '', audited: [table] }));
}

interface Place {
  readonly table: string;
  readonly query: string;
}

/**
 * Sets `present` and `hidden`. A record may be missing in an answer that counts it because the server caps its pages, so what is left is
 * asked for again, and in halves, until an answer counts all of it and gives none.
 */
async function lookUp(
  session: Session,
  place: Place,
  ids: readonly string[],
  answers: Map<string, Presence>,
): Promise<void> {
  if (ids.length === 0) return;
  const filter = allOf(place.query, `sys_idIN${ids.join(',')}`);
  const selection = { table: place.table, filter, fields: ['sys_id'], labels: false };
  const { page } = await askPage(session.api, pageRequest(selection, '', ids.length, 0), session.lookUpSize);
  const given = new Set(page.rows.map(sysIdOf));
  const rest = ids.filter((id) => !given.has(id));
  for (const id of ids) if (given.has(id)) answers.set(id, 'present');
  const counted = page.total ?? page.rows.length;
  if (counted <= page.rows.length) return;
  if (rest.length < ids.length) return lookUp(session, place, rest, answers);
  if (counted >= ids.length) {
    for (const id of ids) answers.set(id, 'hidden');
    return;
  }
  const middle = Math.ceil(ids.length / 2);
  await lookUp(session, place, ids.slice(0, middle), answers);
  // One that is hidden says enough: nothing of the scope is deleted then, so the others need no answer.
  if (ids.slice(0, middle).some((id) => answers.get(id) === 'hidden')) return;
  await lookUp(session, place, ids.slice(middle), answers);
}
