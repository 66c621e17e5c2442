// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import type { AuthType } from '../api/external-system.ts';
import type { Problem } from '../api/schema-problems.ts';
import { daysLeft } from '../inventory/expiry.ts';

/**
 * When a login ends, where its credentials say so: of `auth.type: Certificate` the end of the first certificate in `tls.crt`. Undefined for every
 * other type, and where no certificate can be read; what is wrong with it says the connector, which must use it. Pure.
 */
export function credentialsEnd(
  type: AuthType,
  value: (key: 'tls.crt') => string | undefined,
): Date | undefined {
  const pem = type === 'Certificate' ? value('tls.crt') : undefined;
  if (pem === undefined) return undefined;
  try {
    const { validToDate } = new X509Certificate(pem);
    // A time before 1970 has no form in the API, and a certificate that old has no use.
    return validToDate.getTime() >= 0 ? validToDate : undefined;
  } catch {
    // No certificate: the login says so, with the key of the Secret.
    return undefined;
  }
}

/** A certificate that has ended logs nobody in: told without the external system, from the data of a Secret (base64 by key). */
export function expiredLogin(
  type: AuthType,
  data: Readonly<Record<string, string>>,
  now: Date,
): readonly Problem[] {
  const end = credentialsEnd(type, (key) => Buffer.from(data[key] ?? '', 'base64').toString('utf8'));
  if (end === undefined || daysLeft(end, now) >= 0) return [];
  const message = `its first certificate expired on ${end.toISOString().slice(0, 10)}; make a new one, make it known to the external system, and put it in`;
  return [{ path: 'data.tls.crt', message }];
}
