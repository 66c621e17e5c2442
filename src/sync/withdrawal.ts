// SPDX-License-Identifier: Apache-2.0
import type { Hold, PassTally, Store, StreamVerdict } from '../store/port.ts';

/**
 * Whether a complete pass tells which scopes the configuration asks for: those that it read, each in full and to an end that this very
 * attempt verified. What stands in others, and was not seen, is no longer asked for. A scope that could not be read is a part of its
 * pass too, so such a pass proves nothing. Pure.
 */
export function provesScopes({ mode, scopes }: PassTally): boolean {
  const read = scopes.filter(({ coverage }) => coverage !== 'notRead');
  return (
    mode === 'Full' &&
    read.length > 0 &&
    read.every(({ coverage, confirmed }) => coverage === 'Full' && confirmed)
  );
}

/** Withdraws the streams that a run did not ask for, when it read all others to their ends: a run that failed says nothing of them. */
export async function withdrawUnasked(
  { store, now }: { readonly store: Pick<Store, 'withdrawStreams'>; readonly now: () => Date },
  hold: Hold,
  reports: readonly { readonly stream: string; readonly verdict: StreamVerdict }[],
): Promise<void> {
  if (reports.length === 0 || !reports.every(({ verdict }) => verdict.complete)) return;
  await store.withdrawStreams(
    hold,
    reports.map(({ stream }) => stream),
    now(),
  );
}
