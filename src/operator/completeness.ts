// SPDX-License-Identifier: Apache-2.0
import type { Verdict } from '../api/conditions.ts';
import { tell } from '../api/failure.ts';
import type { StreamStatus, SyncRunStatus } from '../api/sync-run.ts';

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
  if (open.length === 0 && streams.length > 0) return [{ type, ...ofWholeStreams(run, streams) }];
  const what = open.length === 0 ? 'nothing was read' : open.map(said).join('; ');
  const scopes = (run.unverifiedScopes ?? []).map(({ stream, scope }) => `${stream}/${scope}`);
  const where = scopes.length === 0 ? '' : ` (not verified: ${scopes.join(', ')})`;
  const message = `not read to a verified end, so nothing absent is deleted: ${what}${where}`;
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
    const message = 'some streams are not in the record of the run; look into the database';
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
