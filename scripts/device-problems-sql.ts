// SPDX-License-Identifier: Apache-2.0

/** The query of what `device_matches` did not join, each with its reason in words. */
export function renderDeviceProblems(prefix: '' | 'demo_'): string {
  const head = 'SELECT system, stream, external_id, name, machine_id';
  /** Where another row of the machine has found one, that this row alone finds none is no news. */
  const unjoined = (subject: 'user' | 'asset') =>
    `${head}, '${subject}' AS subject, ${subject}_match AS problem, ${subject}_reason AS reason
FROM compared WHERE ${subject}_match <> 'joined' AND (${subject}_match NOT IN ('unmatched', 'no_key') OR ${subject}_machine_joined = 0)`;
  return `WITH compared AS (
  SELECT *,
    max(CASE WHEN user_match = 'joined' THEN 1 ELSE 0 END) OVER machine AS user_machine_joined,
    max(CASE WHEN asset_match = 'joined' THEN 1 ELSE 0 END) OVER machine AS asset_machine_joined
  FROM "${prefix}device_matches" WINDOW machine AS (PARTITION BY machine_id)
)
${unjoined('user')}
UNION ALL
${unjoined('asset')}
UNION ALL
${head}, 'machine', 'ambiguous', machine_reason
FROM "${prefix}device_identities" WHERE machine_reason IS NOT NULL;
`;
}
