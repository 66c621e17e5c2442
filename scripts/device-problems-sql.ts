// SPDX-License-Identifier: Apache-2.0
import { usableSerialNumber } from './device-rules.ts';

/** What `device_matches` did not join, or what looks wrong in it, each with its reason in words. */
export function renderDeviceProblems(prefix: '' | 'demo_'): string {
  const head = 'SELECT system, stream, external_id, name, machine_id';
  /** Where another row of the machine has found one, that this row alone finds none is no news. */
  const unjoined = (subject: 'user' | 'asset') =>
    `${head}, '${subject}' AS subject, ${subject}_match AS problem, ${subject}_reason AS reason
FROM compared WHERE ${subject}_match <> 'joined' AND (${subject}_match IN ('ambiguous', 'shared') OR ${subject}_machine_joined = 0)`;
  return `CREATE VIEW "${prefix}device_match_problems" AS
WITH compared AS (
  SELECT *,
    max(CASE WHEN user_match = 'joined' THEN 1 ELSE 0 END) OVER machine AS user_machine_joined,
    max(CASE WHEN asset_match = 'joined' THEN 1 ELSE 0 END) OVER machine AS asset_machine_joined,
    min(asset_system || ' ' || asset_external_id) OVER machine AS first_asset,
    max(asset_system || ' ' || asset_external_id) OVER machine AS last_asset
  FROM "${prefix}device_matches" WINDOW machine AS (PARTITION BY machine_id)
)
${unjoined('user')}
UNION ALL
${unjoined('asset')}
UNION ALL
${head}, 'asset', 'serial_differs',
  'joined by ' || asset_rule || ', yet its serial number is ' || serial_number || ' and that of the asset ' || asset_serial_number
FROM compared WHERE asset_match = 'joined' AND asset_rule <> 'serial number'
  AND ${usableSerialNumber('serial_number')}
  AND ${usableSerialNumber('asset_serial_number')}
UNION ALL
${head}, 'machine', 'assets_differ', 'rows of its machine join to several assets, such as ' || first_asset || ' and ' || last_asset
FROM compared WHERE asset_match = 'joined' AND first_asset <> last_asset
UNION ALL
${head}, 'machine', 'ambiguous', machine_reason
FROM "${prefix}device_identities" WHERE machine_reason IS NOT NULL;
`;
}
