// SPDX-License-Identifier: Apache-2.0
import { bounded } from '../api/bounded.ts';
import type { BoundStream } from '../connector/contract.ts';
import { Failure } from '../connector/failure.ts';
import type { Hold, KeptRow, Pass, PassWriter, Replay } from '../store/port.ts';
import { outcomeOf } from './page.ts';
import { withUntold } from './untold.ts';

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
    if (after === 0 && !(await isPrepared(stream))) return;
    const { fitting, failing } = sorted(stream, kept, context.redact);
    const whole = await withUntold(
      store,
      { system: hold.system, stream: stream.name, record: stream.record },
      fitting.map(({ hashed }) => hashed),
    );
    const ready = fitting.map(({ id, hashed }, index) => ({ id, hashed: whole[index] ?? hashed }));
    await store.replay(hold, { passId: pass.id, fitting: ready, failing, at: now() });
    after = last.id;
  }
}

/** What the rows need cannot be had now: they wait, and the reading meets the same trouble and says so. */
async function isPrepared(stream: BoundStream): Promise<boolean> {
  try {
    await stream.prepare();
    return true;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
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
    const outcome = reread(stream, raw);
    if (outcome.type === 'unreadable') {
      const { why } = outcome;
      failing.push({ id, row: { reason: why, path: '', unreplayable: why } });
    } else if (outcome.type === 'invalid') {
      const { reason, path } = outcome;
      failing.push({ id, row: { reason: bounded(redact(reason), 512), path } });
    } else if (outcome.hashed.record.externalId === externalId) fitting.push({ id, hashed: outcome.hashed });
    else failing.push({ id, row: { reason: 'the row is read as another record now', path: '' } });
  }
  return { fitting, failing };
}

/** One kept row that cannot be read at all holds up neither the others nor the stream: it says so, and is left alone from then on. */
function reread(
  stream: BoundStream,
  raw: string,
): ReturnType<typeof outcomeOf> | { readonly type: 'unreadable'; readonly why: string } {
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch {
    // The message of the parser quotes the text.
    return { type: 'unreadable', why: 'the kept text is no JSON' };
  }
  try {
    return outcomeOf(stream, value);
  } catch (error) {
    const name = error instanceof Error ? error.name : 'a value that is no error';
    return { type: 'unreadable', why: `reading it again failed with ${name}` };
  }
}
