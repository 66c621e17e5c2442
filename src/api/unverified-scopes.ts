// SPDX-License-Identifier: Apache-2.0
import type { SyncRunStatus, UnverifiedScope } from './sync-run.ts';

/** What a record tells of the scopes whose end was not verified. */
export interface UnverifiedScopes {
  readonly named: readonly UnverifiedScope[];
  readonly total: number;
  /** Of the total, those that are not named. */
  readonly leftOut: number;
}

/** Records of before these scopes were counted tell their number only by the streams that they have. */
export function unverifiedScopesOf(status: SyncRunStatus): UnverifiedScopes {
  const { unverifiedScopes: named = [], unverifiedScopesTotal, streams = [] } = status;
  const byStreams = streams.reduce((sum, stream) => sum + unverifiedIn(stream), 0);
  const total = unverifiedScopesTotal ?? Math.max(byStreams, named.length);
  return { named, total, leftOut: total - named.length };
}

/** How many scopes of a stream were not verified. */
export function unverifiedIn({
  scopesTotal = 0,
  scopesVerified = 0,
}: {
  readonly scopesTotal?: number;
  readonly scopesVerified?: number;
}): number {
  return Math.max(0, scopesTotal - scopesVerified);
}

/** The fields of a record that tell of these scopes; none where every scope was verified. */
export function unverifiedFields(
  named: readonly UnverifiedScope[],
  total: number,
): Pick<SyncRunStatus, 'unverifiedScopes' | 'unverifiedScopesTotal' | 'unverifiedScopesLeftOut'> {
  const leftOut = total - named.length;
  return {
    ...(named.length === 0 ? {} : { unverifiedScopes: [...named] }),
    ...(total === 0 ? {} : { unverifiedScopesTotal: total }),
    ...(leftOut === 0 ? {} : { unverifiedScopesLeftOut: leftOut }),
  };
}
