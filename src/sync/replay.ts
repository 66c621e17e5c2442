// SPDX-License-Identifier: Apache-2.0
import { bounded } from '../api/bounded.ts';
import type { BoundStream } from '../connector/contract.ts';
import type { Hold, KeptRow, Pass, PassWriter, Replay } from '../store/port.ts';
import { outcomeOf } from './page.ts';

const pageSize = 200;

export interface ReplayContext {
  readonly store: PassWriter;
  readonly hold: Hold;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  readonly redact: (text: string) => string;
}

/**
 * Reads rows that were set aside under another mapping, schema or configuration once more, at the start of a pass. What the pass reads
 * itself comes later and stands above it. An interrupted replay is gone on with by the next attempt, since each row carries the
 * revision that it failed with.
 */
export async function replayKept(stream: BoundStream, pass: Pass, context: ReplayContext): Promise<void> {
  const { store, hold, now, signal } = context;
  let after = 0;
  while (!signal.aborted) {
    const kept = await store.rowsToReplay(pass.id, after, pageSize);
    const last = kept.at(-1);
    if (last === undefined) return;
    await store.replay(hold, { passId: pass.id, ...sorted(stream, kept, context.redact), at: now() });
    after = last.id;
  }
}

function sorted(
  stream: BoundStream,
  kept: readonly KeptRow[],
  redact: (text: string) => string,
): Pick<Replay, 'fitting' | 'failing'> {
  const fitting: Replay['fitting'][number][] = [];
  const failing: Replay['failing'][number][] = [];
  for (const { id, externalId, raw } of kept) {
    const outcome = outcomeOf(stream, JSON.parse(raw));
    if (outcome.type === 'invalid') {
      const { reason, path } = outcome;
      failing.push({ id, row: { reason: bounded(redact(reason), 512), path } });
    } else if (outcome.hashed.record.externalId === externalId) fitting.push({ id, hashed: outcome.hashed });
    else failing.push({ id, row: { reason: 'the row is read as another record now', path: '' } });
  }
  return { fitting, failing };
}
