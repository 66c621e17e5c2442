// SPDX-License-Identifier: Apache-2.0
import type { ConditionType } from '../api/conditions.ts';
import type { ExternalSystemStatus } from '../api/external-system.ts';
import type { ExternalSystem } from '../api/resource.ts';
import { daysLeft } from '../inventory/expiry.ts';
import type { EventRecorder } from './events.ts';

/** From here on a certificate ends soon: time enough to agree a day with whoever runs the other side. */
export const expiringDays = 30;
export const expiringForMs = expiringDays * 86_400_000;

/** The day, and how many days that is from now, as every view counts them. Pure. */
export function whenItEnds(expiresAt: Date, now: Date): string {
  const day = expiresAt.toISOString().slice(0, 10);
  const days = daysLeft(expiresAt, now);
  const span = `${Math.abs(days)} ${Math.abs(days) === 1 ? 'day' : 'days'}`;
  return days < 0 ? `expired ${day}, ${span} ago` : `ends ${day}, in ${span}`;
}

const watched: readonly ConditionType[] = ['CertificatesCurrent', 'CredentialsCurrent'];

/** When certificates begin to end soon, or have ended: those of applications, and that of the login. */
export function announceCertificates(
  events: Pick<EventRecorder, 'record'>,
  before: ExternalSystem,
  after: ExternalSystemStatus,
): void {
  for (const type of watched) {
    const conditionOf = (status: ExternalSystemStatus | undefined) =>
      status?.conditions?.find((condition) => condition.type === type);
    const was = conditionOf(before.status);
    const is = conditionOf(after);
    if (is?.status !== 'False' || was?.reason === is.reason) continue;
    void events.record(before, { type: 'Warning', reason: is.reason, message: is.message });
  }
}
