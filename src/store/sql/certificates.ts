// SPDX-License-Identifier: Apache-2.0
import type { CertificateQuestion, SsoCertificates } from '../port.ts';
import { integer, optionalText, text, time, type Sql } from './sql.ts';

const standing = 'system = ? AND deleted_at IS NULL AND withdrawn_at IS NULL';
/** A source that does not say so has not switched it off. */
const on = 'active IS NOT FALSE';

/** It is asked at every look at a system: by the key of the table, of which a system has a few thousand rows at most. */
export async function ssoCertificates(
  sql: Sql,
  system: string,
  { now, expiringBefore, soonest }: CertificateQuestion,
): Promise<SsoCertificates | undefined> {
  const counts = await sql.get(
    `SELECT count(*) AS applications,
       sum(CASE WHEN ${on} THEN 0 ELSE 1 END) AS switched_off,
       sum(CASE WHEN ${on} AND certificate_expires_at IS NULL THEN 1 ELSE 0 END) AS none,
       sum(CASE WHEN ${on} AND certificate_expires_at < ? THEN 1 ELSE 0 END) AS expired,
       sum(CASE WHEN ${on} AND certificate_expires_at >= ? AND certificate_expires_at < ? THEN 1 ELSE 0 END) AS expiring,
       sum(CASE WHEN ${on} AND certificate_expires_at >= ? THEN 1 ELSE 0 END) AS lasting
     FROM sso_applications WHERE ${standing}`,
    ...[now, now, expiringBefore, expiringBefore].map((at) => at.toISOString()),
    system,
  );
  if (integer(counts, 'applications') === 0) return undefined;
  const first = await sql.all(
    `SELECT external_id, name, certificate_expires_at FROM sso_applications
     WHERE ${standing} AND ${on} AND certificate_expires_at IS NOT NULL
     ORDER BY certificate_expires_at, external_id, stream LIMIT ?`,
    system,
    soonest,
  );
  return {
    current: integer(counts, 'lasting'),
    expiring: integer(counts, 'expiring'),
    expired: integer(counts, 'expired'),
    none: integer(counts, 'none'),
    switchedOff: integer(counts, 'switched_off'),
    soonest: first.map((row) => ({
      externalId: text(row, 'external_id'),
      name: optionalText(row, 'name'),
      expiresAt: time(row, 'certificate_expires_at'),
    })),
  };
}
