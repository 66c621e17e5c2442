// SPDX-License-Identifier: Apache-2.0
import { bounded } from '../api/bounded.ts';
import { annotations } from '../api/group.ts';
import type { DeletionProposal, ProposalStore, ProposedRecord } from '../store/port.ts';

/** A proposal that nobody approved, or whose approval nobody used, for seven days speaks of a system that is another by now. */
export const approvalExpiresAfterMs = 7 * 24 * 3_600_000;

export interface ApprovalToken {
  readonly runName: string;
  /** `sha256:` and 64 hex digits. */
  readonly digest: string;
}

/** What `RUN@DIGEST` says; undefined when it is none. */
export function parseApproval(token: string | undefined): ApprovalToken | undefined {
  const [, runName, digest] = /^([a-z0-9][a-z0-9.-]{0,252})@(sha256:[0-9a-f]{64})$/u.exec(token ?? '') ?? [];
  return runName === undefined || digest === undefined ? undefined : { runName, digest };
}

export function approvalToken({ runName, digest }: ApprovalToken): string {
  return `${runName}@${digest}`;
}

export function expiryOf({ proposedAt }: Pick<DeletionProposal, 'proposedAt'>): Date {
  return new Date(proposedAt.getTime() + approvalExpiresAfterMs);
}

/** The proposal that can be approved now, if there is one. */
export function waitingProposal(
  proposal: DeletionProposal | undefined,
  now: Date,
): DeletionProposal | undefined {
  if (proposal?.state !== 'open' || now >= expiryOf(proposal)) return undefined;
  return proposal;
}

export interface ApprovalFacts {
  /** The annotation as it is; undefined when there is none. */
  readonly annotation: string | undefined;
  /** The proposal of the run that the annotation names. */
  readonly named: DeletionProposal | undefined;
  /** The proposal that is open, expired or not. */
  readonly open: DeletionProposal | undefined;
  readonly now: Date;
}

export type ApprovalState =
  | { readonly type: 'none' }
  /** The next full pass may use it. */
  | { readonly type: 'approved'; readonly token: string }
  /** It did what it was for; Git may keep it. */
  | { readonly type: 'used'; readonly message: string }
  /** It approves nothing; the message says why and what helps. */
  | { readonly type: 'refused'; readonly message: string };

/** What the annotation approve-deletions means at this moment. Pure. */
export function judgeApproval({ annotation, named, open, now }: ApprovalFacts): ApprovalState {
  if (annotation === undefined || annotation === '') return { type: 'none' };
  const given = parseApproval(annotation);
  const waiting = waitingProposal(open, now);
  const remedy =
    waiting === undefined
      ? 'nothing waits for approval now; remove the annotation'
      : `set it to ${approvalToken(waiting)} once you have looked at what would go`;
  const refuse = (why: string): ApprovalState => ({
    type: 'refused',
    message: `annotation ${annotations.approveDeletions} ${why}: ${remedy}`,
  });
  if (given === undefined)
    return refuse(`is ${bounded(annotation, 60)}, which is not RUN@sha256: with 64 hexadecimal digits`);
  const { runName } = given;
  if (named === undefined) return refuse(`names SyncRun ${runName}, which proposed no deletions`);
  if (named.digest !== given.digest)
    return refuse(`has another digest than the proposal of SyncRun ${runName}, so it approves another list`);
  switch (named.state) {
    case 'used':
      return {
        type: 'used',
        message: `the approval of ${runName} was used by SyncRun ${named.usedBy ?? 'unknown'} and does nothing more`,
      };
    case 'superseded':
      return refuse(`approves the proposal of SyncRun ${runName}, which a newer one has replaced`);
    case 'settled':
      return refuse(
        `approves the proposal of SyncRun ${runName}, of which a newer full pass found nothing that needs approval`,
      );
    case 'open':
      if (now < expiryOf(named)) return { type: 'approved', token: annotation };
      return refuse(
        `approves the proposal of SyncRun ${runName}, which expired at ${expiryOf(named).toISOString()}; a full run proposes anew`,
      );
  }
}

/** What waits for approval, and what the annotation says of it. */
export interface DeletionApproval {
  readonly waiting: DeletionProposal | undefined;
  readonly state: ApprovalState;
}

/** The database is asked only for a proposal that is not the open one, as of an annotation that Git has kept. */
export async function deletionApproval(
  store: Pick<ProposalStore, 'proposalOfRun'>,
  key: string,
  annotation: string | undefined,
  open: DeletionProposal | undefined,
  now: Date,
): Promise<DeletionApproval> {
  const given = parseApproval(annotation);
  const named =
    given === undefined || given.runName === open?.runName
      ? open
      : await store.proposalOfRun(key, given.runName);
  return { waiting: waitingProposal(open, now), state: judgeApproval({ annotation, named, open, now }) };
}

/** A record as a person is shown it. */
export function describeRecord({ stream, externalId, name }: ProposedRecord): string {
  return bounded(name === '' ? `${stream} ${externalId}` : `${stream} ${name} (${externalId})`, 128);
}
