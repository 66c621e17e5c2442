// SPDX-License-Identifier: Apache-2.0
import { anyOf, equals } from '../../src/connector/ldap/filter.ts';
import type { Presence, StreamProbe } from '../../src/connector/probe.ts';
import { guidBytes, guidOf } from './guid.ts';
import type { Bases } from './bases.ts';
import type { Session } from './session.ts';

const idsPerCall = 50;

/**
 * Looks objects up by id, below the bases that are read, then among the deleted ones. One that is found nowhere has left the bases or is hidden: a directory
 * that withholds an object answers as if there were none, so there is no answer then.
 */
export function objectProbe(stream: keyof Bases): StreamProbe<Session> {
  return {
    idsPerCall,
    async ask(session, ids) {
      const answers = new Map<string, Presence>();
      for (const base of session.bases[stream]) {
        for (const id of await present(session, base.dn, stream, ids)) answers.set(id, 'present');
      }
      const missing = ids.filter((id) => !answers.has(id));
      for (const id of await session.deleted.among(missing)) answers.set(id, 'gone');
      return answers;
    },
  };
}

async function present(
  { client }: Session,
  base: string,
  stream: keyof Bases,
  ids: readonly string[],
): Promise<readonly string[]> {
  const bytes = ids.map(guidBytes).filter((one) => one !== undefined);
  if (bytes.length === 0) return [];
  const search = {
    subject: `${stream} below ${base}, by id`,
    base,
    scope: 'sub',
    // An id is enough: objects do not change their class.
    filter: anyOf(...bytes.map((one) => equals('objectGUID', one))),
    attributes: ['objectGUID'],
    controls: ['domainScope'],
  } as const;
  const found: string[] = [];
  for await (const { entries } of client.pages(search)) {
    for (const entry of entries) {
      const id = guidOf(entry.bytes('objectGUID') ?? Buffer.alloc(0));
      if (id !== undefined) found.push(id);
    }
  }
  return found;
}
