// SPDX-License-Identifier: Apache-2.0
/**
 * The closed set of failures. A failure is decided once, where the answer is read; everything after that
 * (retry, condition, audit record, metric) follows from this table.
 */
export const failureCodes = [
  'unavailable',
  'throttled',
  'internal',
  'contract',
  'configuration',
  'credentials',
  'permission',
  'deletionBudget',
  'cancelled',
] as const;
export type FailureCode = (typeof failureCodes)[number];

/** The words of the audit log. */
export const failureClasses = ['transient', 'permanent', 'policy_violation'] as const;
export type FailureClass = (typeof failureClasses)[number];

/** When a failed run is worth trying again. */
export type RetryAnswer =
  'in-run' | 'next-slot' | 'on-change' | 'on-credentials' | 'on-approval' | 'continue';

/** Who must act, in words that a condition can show: everything that tells of a failure takes them from here. */
export const audiences = {
  nobody: 'nobody',
  maintainer: 'maintainer of the operator',
  owner: 'owner of the ExternalSystem',
  secretOwner: 'owner of the Secret',
  /** Who grants rights there: in the tenant, the instance, the directory. */
  administrator: 'administrator of the external system',
} as const;
export type Audience = (typeof audiences)[keyof typeof audiences];

export interface FailureFacts {
  readonly class: FailureClass;
  readonly audience: Audience;
  readonly retry: RetryAnswer;
}

export const failureFacts: Readonly<Record<FailureCode, FailureFacts>> = {
  unavailable: { class: 'transient', audience: audiences.nobody, retry: 'in-run' },
  throttled: { class: 'transient', audience: audiences.nobody, retry: 'in-run' },
  internal: { class: 'transient', audience: audiences.maintainer, retry: 'next-slot' },
  contract: { class: 'permanent', audience: audiences.maintainer, retry: 'next-slot' },
  configuration: { class: 'permanent', audience: audiences.owner, retry: 'on-change' },
  credentials: { class: 'policy_violation', audience: audiences.secretOwner, retry: 'on-credentials' },
  permission: { class: 'policy_violation', audience: audiences.administrator, retry: 'on-credentials' },
  deletionBudget: {
    class: 'policy_violation',
    audience: audiences.owner,
    retry: 'on-approval',
  },
  cancelled: { class: 'transient', audience: audiences.nobody, retry: 'continue' },
};

/** A failure as conditions and events tell it: what happened, and who must act, in whole sentences. */
export function tell({ message, audience }: { readonly message: string; readonly audience: string }): string {
  const stop = /[.!?]$/u.test(message) ? '' : '.';
  return `${message}${stop} ${audience === audiences.nobody ? 'Nobody has to act.' : `Who must act: ${audience}.`}`;
}
