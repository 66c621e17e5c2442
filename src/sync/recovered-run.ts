// SPDX-License-Identifier: Apache-2.0
import type { SyncRun } from '../api/resource.ts';
import { isFinal, type SyncRunStatus } from '../api/sync-run.ts';
import type { RecoveredRun } from '../store/port.ts';
import { recordOf } from './run-record.ts';

/**
 * An ended run as its object in the cluster tells it: the bytes of its record are made again, and must have its digest. Undefined when
 * they do not, or when it has not ended.
 */
export function recoveredFrom(run: SyncRun): RecoveredRun | undefined {
  const { metadata, spec, status } = run;
  if (status === undefined || !isEnded(status)) return undefined;
  const { phase, sequence, digest, completionTime, attempt = 0 } = status;
  const system = `${metadata.namespace}/${spec.systemRef.name}`;
  const sealed = recordOf({ system, run: { name: metadata.name, uid: metadata.uid }, spec, status });
  if (sealed.digest !== digest) return undefined;
  const endedAt = new Date(completionTime);
  return {
    ...sealed,
    phase,
    sequence,
    endedAt,
    previousDigest: status.previousDigest,
    failureCode: status.failure?.code,
    startedAt: status.startTime === undefined ? endedAt : new Date(status.startTime),
    // One that was never carried out, or was stopped, says nothing of the connection.
    verdict: attempt > 0 && phase !== 'Cancelled',
    claim: {
      system,
      systemUid: status.systemUid ?? '',
      systemGeneration: status.systemGeneration ?? 0,
      runUid: metadata.uid,
      runName: metadata.name,
      attempt,
      mode: spec.mode,
      trigger: spec.trigger ?? 'Manual',
      slot: spec.scheduledTime === undefined ? undefined : new Date(spec.scheduledTime),
      correlationId: status.correlationId ?? metadata.uid,
      worker: status.worker ?? '',
      demo: false,
    },
  };
}

type Ended = SyncRunStatus &
  Required<Pick<SyncRunStatus, 'sequence' | 'digest' | 'completionTime'>> & {
    readonly phase: RecoveredRun['phase'];
  };

function isEnded(status: SyncRunStatus): status is Ended {
  const { phase, sequence, digest, completionTime } = status;
  return isFinal(phase) && sequence !== undefined && digest !== undefined && completionTime !== undefined;
}
