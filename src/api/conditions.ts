// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from 'typebox';
import { bounded } from './bounded.ts';
import { seconds, Time } from './time.ts';

export const conditionTypes = [
  'Ready',
  'Reconciling',
  'Stalled',
  'CredentialsValid',
  'Connected',
  'Fresh',
  'Complete',
  'AwaitingApproval',
  'RowsSetAside',
  'CertificatesCurrent',
  'CredentialsCurrent',
] as const;
export type ConditionType = (typeof conditionTypes)[number];

export const ConditionSchema = Type.Object(
  {
    type: Type.String({ minLength: 1, maxLength: 64, description: 'What the condition speaks of.' }),
    status: Type.Enum(['True', 'False', 'Unknown'], {
      description: 'True, False or Unknown.',
    }),
    observedGeneration: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 9_007_199_254_740_991,
        description: 'Generation of the spec that was judged.',
      }),
    ),
    lastTransitionTime: Time('When status last changed.'),
    reason: Type.String({
      minLength: 1,
      maxLength: 128,
      pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
      description: 'One word for machines.',
    }),
    message: Type.String({
      maxLength: 1024,
      description: 'What is the case, who must act, and what comes next.',
    }),
  },
  { additionalProperties: false, description: 'One condition.' },
);
export type Condition = Static<typeof ConditionSchema>;

export const ConditionsSchema = Type.Array(ConditionSchema, {
  maxItems: 16,
  description: `${conditionTypes.join(', ')}.`,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
});

/** A verdict on one condition, before it is merged into a status. */
export interface Verdict {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

/**
 * Merges verdicts into conditions: the transition time moves only when the status does. Others are left as they are. The messages
 * are free of secrets.
 */
export function mergeConditions(
  current: readonly Condition[],
  verdicts: readonly Verdict[],
  generation: number,
  now: Date,
): Condition[] {
  const merged = new Map(current.map((condition) => [condition.type, condition]));
  for (const verdict of verdicts) {
    const before = merged.get(verdict.type);
    merged.set(verdict.type, {
      ...verdict,
      message: bounded(verdict.message, 1024),
      observedGeneration: generation,
      lastTransitionTime: before?.status === verdict.status ? before.lastTransitionTime : seconds(now),
    });
  }
  return [...merged.values()];
}
