// SPDX-License-Identifier: Apache-2.0
import type { Condition } from '../api/conditions.ts';
import type { ExternalSystemStatus } from '../api/external-system.ts';
import { tell } from '../api/failure.ts';
import type { ExternalSystem } from '../api/resource.ts';
import type { SyncRunStatus } from '../api/sync-run.ts';
import type { EventRecorder, EventSubject } from './events.ts';
import { reasonOf } from './verdict.ts';

/*
 * What a person would want to know, as Events: a change of readiness, and runs that went wrong or deleted something. A
 * routine success is no news.
 */

/** When Ready changed its status or its reason. */
export function announceVerdict(
  events: EventRecorder,
  before: ExternalSystem,
  after: ExternalSystemStatus,
): void {
  const was = readyOf(before.status);
  const is = readyOf(after);
  if (
    is === undefined ||
    is.reason === 'Progressing' ||
    (was?.status === is.status && was.reason === is.reason)
  )
    return;
  void events.record(before, {
    type: is.status === 'True' ? 'Normal' : 'Warning',
    reason: is.status === 'True' ? 'Ready' : is.reason,
    message: is.message,
  });
}

/** When deletions begin to wait for approval, and when an approval is not understood or comes too late. */
export function announceApproval(
  events: EventRecorder,
  before: ExternalSystem,
  after: ExternalSystemStatus,
): void {
  const conditionOf = (status: ExternalSystemStatus | undefined) =>
    status?.conditions?.find(({ type }) => type === 'AwaitingApproval');
  const was = conditionOf(before.status);
  const is = conditionOf(after);
  if (is === undefined || (is.status === 'False' && is.reason !== 'ApprovalRefused')) return;
  if (was?.status === is.status && was.reason === is.reason && was.message === is.message) return;
  const refused = is.reason === 'ApprovalRefused';
  void events.record(before, {
    type: is.reason === 'Approved' ? 'Normal' : 'Warning',
    reason: refused ? 'ApprovalRefused' : 'AwaitingApproval',
    message: is.message,
  });
}

function readyOf(status: ExternalSystemStatus | undefined): Condition | undefined {
  return status?.conditions?.find(({ type }) => type === 'Ready');
}

/** When annotations ask for a run in a way that is not understood. */
export function announceRefusedRequest(events: EventRecorder, system: ExternalSystem, problem: string): void {
  const message = `The requested run is not made: ${problem}.`;
  void events.record(system, { type: 'Warning', reason: 'RequestRefused', message });
}

/** When a run failed, was incomplete, or marked records as gone. Nothing is said where there is no object to say it of. */
export function announceEnd(
  events: Pick<EventRecorder, 'record'>,
  run: string,
  subject: EventSubject | undefined,
  status: SyncRunStatus,
): void {
  if (subject === undefined) return;
  const { failure, phase = 'Failed', totals, mode } = status;
  // What a plan found is in the plan: none of it has happened. That it could not be made is news.
  if (mode === 'Plan' && (failure === undefined || failure.code === 'deletionBudget')) return;
  if (failure !== undefined && phase !== 'Skipped') {
    const message = `SyncRun ${run} ended as ${phase}: ${tell(failure)}`;
    void events.record(subject, {
      type: phase === 'Cancelled' ? 'Normal' : 'Warning',
      reason: reasonOf(failure.code),
      message,
    });
  } else if (totals !== undefined && totals.failed > 0) {
    const message = `SyncRun ${run} set ${totals.failed} rows aside; see extsys quarantine list`;
    void events.record(subject, { type: 'Warning', reason: 'RowsSetAside', message });
  }
  if (totals !== undefined && totals.deleted > 0 && mode !== 'Plan') {
    const message = `SyncRun ${run} marked ${totals.deleted} records as gone`;
    void events.record(subject, { type: 'Normal', reason: 'RecordsDeleted', message });
  }
}
