// SPDX-License-Identifier: Apache-2.0
import type { Candidate, Hold } from '../port.ts';
import { absentRecords, idsOf } from './candidates.ts';
import { checkFence } from './fence.ts';
import { stateRemoved } from './pages.ts';
import { closingPlan, planPass, planScopeId } from './plan-passes.ts';
import type { Sql } from './sql.ts';

export async function sightYoungInPlan(
  sql: Sql,
  hold: Hold,
  passId: number,
  changedSince: Date,
): Promise<number> {
  await checkFence(sql, hold);
  await sql.expectLargeJoins();
  const pass = await planPass(sql, passId);
  const { select, values } = absentRecords(closingPlan(pass));
  return sql.run(
    `INSERT INTO plan_sightings (stream_id, external_id, scope_id, pass_id, page, added)
     SELECT CAST(? AS bigint), external_id, scope_id, CAST(? AS bigint), 0, 0 FROM (${select} AND r.changed_at >= ?) young WHERE true
     ON CONFLICT (stream_id, external_id, scope_id) DO NOTHING`,
    pass.id,
    passId,
    ...values,
    changedSince.toISOString(),
  );
}

/** Records that the vendor has when it is asked for them, though its list left them out: seen by the plan, with an unknown content. */
export async function sightInPlan(
  sql: Sql,
  hold: Hold,
  passId: number,
  found: readonly Candidate[],
): Promise<void> {
  await checkFence(sql, hold);
  const pass = await planPass(sql, passId);
  for (const [scope, some] of Map.groupBy(found, (candidate) => candidate.scope)) {
    await sql.run(
      `INSERT INTO plan_sightings (stream_id, external_id, scope_id, pass_id, page, added)
       SELECT CAST(? AS bigint), value, CAST(? AS bigint), CAST(? AS bigint), 0, 0 FROM ${sql.textsOfJson} WHERE true
       ON CONFLICT (stream_id, external_id, scope_id) DO NOTHING`,
      pass.id,
      await planScopeId(sql, pass, scope),
      passId,
      idsOf(some),
    );
  }
}

export async function stateGoneInPlan(
  sql: Sql,
  hold: Hold,
  passId: number,
  gone: readonly Candidate[],
): Promise<void> {
  await checkFence(sql, hold);
  const ids = gone.map(({ externalId }) => externalId);
  await stateRemoved(sql, await planPass(sql, passId), ids, 'plan_removals');
}
