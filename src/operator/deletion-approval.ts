// SPDX-License-Identifier: Apache-2.0
import type { Verdict } from '../api/conditions.ts';
import type { ExternalSystemStatus } from '../api/external-system.ts';
import { annotations } from '../api/group.ts';
import type { ExternalSystem } from '../api/resource.ts';
import type { DeletionProposal } from '../store/port.ts';
import {
  approvalToken,
  describeRecord,
  expiryOf,
  type ApprovalState,
  type DeletionApproval,
} from '../sync/approval.ts';
import { seconds } from '../api/time.ts';

/** As many as a status shows. */
const sampleSize = 10;

/** The condition AwaitingApproval; undefined where there is nothing to say and never was. */
export function approvalVerdict(
  system: ExternalSystem,
  { waiting, state }: DeletionApproval,
): Verdict | undefined {
  const type = 'AwaitingApproval';
  if (waiting !== undefined) return { type, status: 'True', ...waitingWords(system, waiting, state) };
  if (state.type === 'refused')
    return { type, status: 'False', reason: 'ApprovalRefused', message: state.message };
  if (state.type === 'used') return { type, status: 'False', reason: 'ApprovalUsed', message: state.message };
  if (system.status?.conditions?.some((condition) => condition.type === type) !== true) return undefined;
  return { type, status: 'False', reason: 'NothingProposed', message: 'no deletions wait for approval' };
}

function waitingWords(
  { metadata, spec }: ExternalSystem,
  waiting: DeletionProposal,
  state: ApprovalState,
): Pick<Verdict, 'reason' | 'message'> {
  const sample = waiting.sample.map(describeRecord).join(', ');
  const what = `${waiting.waiting} records look gone`;
  if (state.type === 'approved') {
    const carriedOut =
      spec.suspend === true
        ? 'a full run begins once the system goes on (spec.suspend), and deletes those that it too finds gone'
        : 'the next full pass that is verified deletes those that it too finds gone';
    const message = `${what}, and their deletion is approved: ${carriedOut}. Some of them: ${sample}`;
    return { reason: 'Approved', message };
  }
  const refused = state.type === 'refused' ? `${state.message}. ` : '';
  const how =
    `To approve until ${seconds(expiryOf(waiting))}: extsys approve ${metadata.name} -n ${metadata.namespace} --run ${waiting.runName} ` +
    `(annotation ${annotations.approveDeletions}: ${approvalToken(waiting)}). Who must act: owner of the ExternalSystem.`;
  return {
    reason: state.type === 'refused' ? 'ApprovalRefused' : 'DeletionBudgetPassed',
    message: `${refused}${what} and were not deleted. ${how} Some of them: ${sample}`,
  };
}

/** What waits, for programs and for `extsys approve`. */
export function proposalStatus(
  waiting: DeletionProposal | undefined,
  redact: (text: string) => string,
): ExternalSystemStatus['deletionProposal'] {
  if (waiting === undefined) return undefined;
  return {
    run: waiting.runName,
    digest: waiting.digest,
    records: waiting.waiting,
    proposedTime: seconds(waiting.proposedAt),
    expiryTime: seconds(expiryOf(waiting)),
    sample: waiting.sample.slice(0, sampleSize).map((record) => redact(describeRecord(record))),
  };
}
