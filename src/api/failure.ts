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

export interface FailureFacts {
  readonly class: FailureClass;
  /** Who must act, in words that a condition can show. */
  readonly audience: string;
  readonly retry: RetryAnswer;
}

export const failureFacts: Readonly<Record<FailureCode, FailureFacts>> = {
  unavailable: { class: 'transient', audience: 'nobody', retry: 'in-run' },
  throttled: { class: 'transient', audience: 'nobody', retry: 'in-run' },
  internal: { class: 'transient', audience: 'maintainer of the operator', retry: 'next-slot' },
  contract: { class: 'permanent', audience: 'maintainer of the operator', retry: 'next-slot' },
  configuration: { class: 'permanent', audience: 'owner of the ExternalSystem', retry: 'on-change' },
  credentials: { class: 'policy_violation', audience: 'owner of the Secret', retry: 'on-credentials' },
  permission: { class: 'policy_violation', audience: 'vendor administrator', retry: 'on-credentials' },
  deletionBudget: {
    class: 'policy_violation',
    audience: 'owner of the ExternalSystem',
    retry: 'on-approval',
  },
  cancelled: { class: 'transient', audience: 'nobody', retry: 'continue' },
};

/** A failure as conditions and events tell it: what happened, and who must act, in whole sentences. */
export function tell({ message, audience }: { readonly message: string; readonly audience: string }): string {
  const stop = /[.!?]$/u.test(message) ? '' : '.';
  return `${message}${stop} ${audience === 'nobody' ? 'Nobody has to act.' : `Who must act: ${audience}.`}`;
}
