// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import type { SyncRunStatus } from '../../src/api/sync-run.ts';
import { Failure } from '../../src/connector/failure.ts';
import { RunStop } from '../../src/sync/control.ts';

/** One attempt: what happens upstream before each page, and how it stops before which page. */
export interface Attempt<Act> {
  readonly acts: readonly (readonly Act[])[];
  readonly stop: { readonly before: number; readonly kind: 'shutdown' | 'cancelled' | 'outage' } | undefined;
}

export interface AttemptedRun<Act> {
  readonly mode: 'Full' | 'Incremental';
  readonly attempts: readonly Attempt<Act>[];
  /** What happens upstream before the run, and between its attempts. */
  readonly meanwhile: readonly Act[];
}

/** Nothing moves, and it comes to its end. */
export const inPeace = { acts: [], stop: undefined } as const;

/** Runs of so many pages an attempt at most; `modes` may name one more often than the other. */
export function anyRun<Act>(
  act: fc.Arbitrary<Act>,
  { pages, modes }: { readonly pages: number; readonly modes: readonly AttemptedRun<Act>['mode'][] },
): fc.Arbitrary<AttemptedRun<Act>> {
  const acts = (maxLength: number) => fc.array(act, { maxLength });
  const stop = fc.record({
    before: fc.nat(pages),
    kind: fc.constantFrom('shutdown' as const, 'cancelled' as const, 'outage' as const),
  });
  const attempt = fc.record({
    acts: fc.array(acts(2), { maxLength: pages }),
    stop: fc.option(stop, { nil: undefined }),
  });
  return fc.record({
    mode: fc.constantFrom(...modes),
    attempts: fc.array(attempt, { minLength: 1, maxLength: 3 }),
    meanwhile: acts(4),
  });
}

/**
 * Carries an attempt out; `read` is given what its reader calls before each page. Answers the status when the run ended, undefined when
 * another attempt must go on with it.
 */
export async function attempted<Act>(
  { acts, stop }: Attempt<Act>,
  happen: (act: Act) => void,
  read: (between: () => void, signal: AbortSignal) => Promise<SyncRunStatus>,
): Promise<SyncRunStatus | undefined> {
  const controller = new AbortController();
  let pages = 0;
  const between = () => {
    const now = pages;
    pages += 1;
    for (const act of acts[now] ?? []) happen(act);
    if (stop?.before !== now) return;
    if (stop.kind === 'outage') throw new Failure('unavailable', 'the vendor is away');
    controller.abort(new RunStop(stop.kind, stop.kind));
    throw new Failure('cancelled', 'the request was aborted');
  };
  try {
    return await read(between, controller.signal);
  } catch (error) {
    if (error instanceof RunStop && error.kind === 'shutdown') return undefined;
    throw error;
  }
}
