// SPDX-License-Identifier: Apache-2.0
import { annotations } from '../api/group.ts';
import type { ExternalSystem, SyncRun } from '../api/resource.ts';
import type { FailureCode } from '../api/failure.ts';
import { Failure } from '../connector/failure.ts';

/** How a run ends that is not carried out, or not any further. */
export interface Refusal {
  readonly phase: 'Failed' | 'Cancelled' | 'Skipped';
  readonly failure: Failure;
}

/** A run waits this long for a system that does not exist (a GitOps tool may apply them in any order). */
const systemGraceMs = 60_000;
/** Clocks of replicas may differ; a slot that lies further ahead was never due. */
const clockSkewMs = 3_600_000;

/**
 * Why a run is not carried out, if so; `wait` while its system may still come. A person's mistake ends as Failed with the field and
 * the remedy; what was overtaken by a change ends as Cancelled.
 */
export function refusalOf(
  run: SyncRun,
  system: ExternalSystem | undefined,
  now: Date,
): 'wait' | Refusal | undefined {
  if (run.metadata.annotations?.[annotations.cancel] === 'true') return cancelled('cancelled by annotation');
  if (system === undefined) return withoutSystem(run, now);
  const { systemRef, scheduledTime } = run.spec;
  const { uid } = system.metadata;
  const askedUid = run.status?.systemUid ?? systemRef.uid;
  if (askedUid !== undefined && askedUid !== uid) {
    return isOurs(run) || isStarted(run)
      ? cancelled('the ExternalSystem was made again')
      : refused(
          'configuration',
          `spec.systemRef.uid: ${systemRef.name} has another uid, it was made again; correct it or leave it out`,
        );
  }
  if (scheduledTime !== undefined && Date.parse(scheduledTime) > now.getTime() + clockSkewMs) {
    return refused('configuration', `spec.scheduledTime: ${scheduledTime} is yet to come; leave it out`);
  }
  return byGeneration(run, system) ?? bySuspension(run, system);
}

function withoutSystem(run: SyncRun, now: Date): 'wait' | Refusal {
  if (isStarted(run)) return cancelled('the ExternalSystem was deleted');
  if (now.getTime() - Date.parse(run.metadata.creationTimestamp) < systemGraceMs) return 'wait';
  const where = `no ExternalSystem ${run.spec.systemRef.name} in namespace ${run.metadata.namespace}`;
  return refused('configuration', `spec.systemRef.name: ${where}; create it, or delete this SyncRun`);
}

/** A run finishes with the spec it began with; one that has not begun minds only the generation that it names. */
function byGeneration(run: SyncRun, system: ExternalSystem): Refusal | undefined {
  const { name, generation: asked } = run.spec.systemRef;
  const { generation } = system.metadata;
  const wanted = isStarted(run) ? (run.status?.systemGeneration ?? asked) : asked;
  if (wanted === undefined || wanted === generation) return undefined;
  if (isStarted(run) || isOurs(run))
    return cancelled(`the spec of ${name} changed to generation ${generation}`);
  const message = `spec.systemRef.generation: ${name} is at generation ${generation}; correct it or leave it out`;
  return refused('configuration', message);
}

function bySuspension(run: SyncRun, system: ExternalSystem): Refusal | undefined {
  const { mode, systemRef } = run.spec;
  if (system.spec.suspend !== true || isStarted(run) || mode === 'Test' || mode === 'Plan') return undefined;
  const message = `${systemRef.name} is suspended; set spec.suspend to false or use mode Test`;
  return { phase: 'Skipped', failure: new Failure('configuration', message) };
}

function isStarted(run: SyncRun): boolean {
  return run.status?.phase === 'Running';
}

/** Made by the operator for a system object, which owns it. */
function isOurs(run: SyncRun): boolean {
  return run.metadata.ownerReferences?.some(({ controller }) => controller === true) === true;
}

function refused(code: FailureCode, message: string): Refusal {
  return { phase: 'Failed', failure: new Failure(code, message) };
}

export function cancelled(message: string): Refusal {
  return { phase: 'Cancelled', failure: new Failure('cancelled', message) };
}

/** The uid of the object that a run is of; empty when there is none. A run of ours stays with the object that it was made for. */
export function systemUidOf(run: SyncRun, system: ExternalSystem | undefined): string {
  const own = isOurs(run) ? run.spec.systemRef.uid : undefined;
  return run.status?.systemUid ?? own ?? system?.metadata.uid ?? '';
}

/** The slot that a run of ours is for; a run that a person made takes no slot from the schedule when it is refused. */
export function slotOf(run: SyncRun): Date | undefined {
  const { scheduledTime } = run.spec;
  return scheduledTime === undefined || !isOurs(run) ? undefined : new Date(scheduledTime);
}
