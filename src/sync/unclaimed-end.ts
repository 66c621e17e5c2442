// SPDX-License-Identifier: Apache-2.0
import type { MissedSlots, SyncRunSpec } from '../api/sync-run.ts';
import { Failure } from '../connector/failure.ts';
import type { ArchivedRun, OpenRun, RunClaim, Store } from '../store/port.ts';
import { buildRunEnd } from './run-end.ts';
import { seconds } from '../api/time.ts';

/** What the CLI calls itself; its runs have no object in any cluster. */
export const cliWorker = 'cli-';

/** A run that nobody carries out (any more). */
export interface UnclaimedRun {
  readonly claim: RunClaim;
  readonly spec: SyncRunSpec;
  readonly startedAt: Date | undefined;
  readonly missedSlots?: MissedSlots | undefined;
}

export interface UnclaimedEnding {
  readonly phase: 'Failed' | 'Cancelled' | 'Skipped';
  /** Its message is free of secrets. */
  readonly failure: Pick<Failure, 'code' | 'message'>;
}

/** Ends it: its record goes into the archive with what was read of it so far. */
export function endUnclaimed(store: Store, run: UnclaimedRun, ending: UnclaimedEnding): Promise<ArchivedRun> {
  const { claim, spec, startedAt, missedSlots } = run;
  const { phase } = ending;
  const failure = { code: ending.failure.code, message: ending.failure.message };
  const facts = {
    system: claim.system,
    systemUid: claim.systemUid,
    systemGeneration: claim.systemGeneration,
    run: { name: claim.runName, uid: claim.runUid, spec },
    worker: claim.worker,
    attempt: claim.attempt,
    correlationId: claim.correlationId,
    startedAt,
    missedSlots,
  };
  return store.finishUnclaimed({ ...claim, at: startedAt ?? claim.at }, (link) => {
    // Only of a run that was begun: its pages are a proof of the connection, and to lose every worker is a failure of ours.
    const verdict = claim.attempt > 0 && (phase === 'Failed' || link.streams.length > 0);
    return buildRunEnd(
      // The first claim is the one in the database, where there is one.
      { ...facts, startedAt: startedAt && link.startedAt },
      { phase, failure, stopped: true, reports: [], endedAt: claim.at, verdict },
      link,
    );
  });
}

/** All that is known of a run whose object is gone, or that never had one. */
export function unclaimedOf(row: OpenRun, at: Date): UnclaimedRun {
  const { holdsFence: _, startedAt, ...known } = row;
  const [, name = ''] = row.system.split('/');
  const spec: SyncRunSpec = {
    systemRef: { name },
    mode: row.mode,
    trigger: row.trigger,
    ...(row.slot === undefined ? {} : { scheduledTime: seconds(row.slot) }),
    ...(row.correlationId === row.runUid ? {} : { correlationId: row.correlationId }),
  };
  return { claim: { ...known, demo: false, at }, spec, startedAt };
}

export const systemTaken = new Failure('cancelled', 'another run has taken the system');

/** Ends the runs from files that another run, or who is named, has taken the system from: their process was killed, or may write nothing more. */
export async function endTakenFileRuns(
  store: Store,
  system: string,
  at: Date,
  failure: UnclaimedEnding['failure'] = systemTaken,
): Promise<ArchivedRun[]> {
  const ended: ArchivedRun[] = [];
  for (const row of await store.openRuns()) {
    if (row.system !== system || row.holdsFence || !row.worker.startsWith(cliWorker)) continue;
    ended.push(await endUnclaimed(store, unclaimedOf(row, at), { phase: 'Cancelled', failure }));
  }
  return ended;
}
