// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import type { Presence, StreamProbe } from '../../src/connector/probe.ts';
import { isOfWorkload } from './away.ts';
import { batchSize } from './batch.ts';
import type { RestorableType } from './deleted-items.ts';
import type { DirectoryReading } from './reading.ts';
import { isSafeId } from './raw-row.ts';
import type { Session } from './session.ts';

/** Five requests, so that as many candidates can be asked for as any deletion budget lets go. */
const idsPerCall = 5 * batchSize;

/**
 * Looks objects up by id. One that is given stands where the stream reads; one that is refused is hidden. A 404 is no statement, since a
 * replica may not have heard of the object; only the list of deleted objects is one.
 */
export function idProbe(
  readingOf: (session: Session) => DirectoryReading,
  type?: RestorableType,
): StreamProbe<Session> {
  return {
    idsPerCall,
    async ask(session, ids) {
      const reading = readingOf(session);
      const asked = ids.filter(isSafeId);
      const items = asked.map((id) => ({
        id,
        url: `/${reading.resource}/${encodeURIComponent(id)}?$select=${reading.select.join(',')}`,
      }));
      const found = await session.graph.batch(reading.subject, items).catch((error: unknown) => {
        // A limit that a probe meets is taken for that of the account, and would end the run.
        throw isOfWorkload(reading, error)
          ? new Failure('unavailable', error.message, { cause: error })
          : error;
      });
      const answers = new Map<string, Presence>();
      for (const id of asked) {
        const answered = found.get(id);
        if (answered?.status === 200 && (reading.keeps?.(answered.body) ?? true)) answers.set(id, 'present');
        else if (answered?.status === 403) answers.set(id, 'hidden');
      }
      const missing = asked.filter((id) => found.get(id)?.status === 404);
      if (type === undefined || missing.length === 0) return answers;
      const deleted = await session.deleted.ids(type);
      for (const id of missing) if (deleted.has(id)) answers.set(id, 'gone');
      return answers;
    },
  };
}
