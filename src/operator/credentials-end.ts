// SPDX-License-Identifier: Apache-2.0
import type { Verdict } from '../api/conditions.ts';
import { failureFacts, tell } from '../api/failure.ts';
import type { ExternalSystem } from '../api/resource.ts';
import type { SyncRunStatus } from '../api/sync-run.ts';
import { daysLeft } from '../inventory/expiry.ts';
import { expiringDays, whenItEnds } from './certificate-end.ts';

const type = 'CredentialsCurrent';

/**
 * When the login of a system ends, as the newest run saw that tried it: its record keeps that, so that it outlives the operator and costs no
 * write and no look at the Secret. A spec that logs in another way by now has no end. Pure.
 */
export function credentialsEndOf(
  { spec }: ExternalSystem,
  run: Pick<SyncRunStatus, 'credentialsExpiryTime'> | undefined,
): Date | undefined {
  const time = spec.auth.type === 'Certificate' ? run?.credentialsExpiryTime : undefined;
  return time === undefined ? undefined : new Date(time);
}

/**
 * The condition CredentialsCurrent; undefined where no login ever had an end. It counts days only once they are few: until then its message stays
 * as it is, and costs no write. Pure.
 */
export function credentialsVerdict(
  { spec, status }: ExternalSystem,
  end: Date | undefined,
  now: Date,
): Verdict | undefined {
  const { type: login, secretRef } = spec.auth;
  if (end === undefined) {
    if (status?.conditions?.some((condition) => condition.type === type) !== true) return undefined;
    const message =
      login === 'Certificate'
        ? `the newest run could not read when tls.crt of Secret ${secretRef?.name ?? ''} ends`
        : `auth.type ${login} has no certificate that could end`;
    return { type, status: 'Unknown', reason: 'NotKnown', message };
  }
  const what = `the certificate that the operator logs in with (tls.crt of Secret ${secretRef?.name ?? ''})`;
  const days = daysLeft(end, now);
  if (days >= expiringDays) {
    return {
      type,
      status: 'True',
      reason: 'Current',
      message: `${what} ends ${end.toISOString().slice(0, 10)}`,
    };
  }
  const { audience } = failureFacts.credentials;
  const message = `${what} ${whenItEnds(end, now)}; make a new one, make it known to the external system, then put it into the Secret: the next run reads it`;
  const reason = days < 0 ? 'CertificateExpired' : 'CertificateExpiring';
  return { type, status: 'False', reason, message: tell({ message, audience }) };
}
