// SPDX-License-Identifier: Apache-2.0
import { tableOf } from '../../inventory/columns.ts';
import type { Candidate, Hold, ScopeStanding } from '../port.ts';
import { checkFence } from './fence.ts';
import { stateRemoved } from './pages.ts';
import { streamOfPass } from './passes.ts';
import { lastSeen } from './pass-tally.ts';
import { integer, text, type Sql } from './sql.ts';

export async function standing(sql: Sql, passId: number): Promise<ScopeStanding[]> {
  await sql.expectLargeJoins();
  const stream = await streamOfPass(sql, passId);
  const rows = await sql.all(
    `SELECT c.scope, count(*) AS live, count(CASE WHEN s.pass_id = ? THEN 1 END) AS seen
     FROM (${lastSeen}) s
     JOIN scopes c ON c.id = s.scope_id
     JOIN "${tableOf(stream.record).name}" r
       ON r.system = ? AND r.stream = ? AND r.external_id = s.external_id AND r.deleted_at IS NULL
     GROUP BY c.scope`,
    passId,
    passId,
    stream.id,
    stream.system,
    stream.stream,
  );
  return rows.map((row) => ({
    scope: text(row, 'scope'),
    live: integer(row, 'live'),
    seen: integer(row, 'seen'),
  }));
}

/** The very records that closing the pass would find absent: see `lastSeen`. */
export async function candidates(sql: Sql, passId: number, limit: number): Promise<Candidate[]> {
  await sql.expectLargeJoins();
  const stream = await streamOfPass(sql, passId);
  const rows = await sql.all(
    `SELECT s.external_id, c.scope
     FROM (${lastSeen}) s
     JOIN scopes c ON c.id = s.scope_id
     JOIN "${tableOf(stream.record).name}" r
       ON r.system = ? AND r.stream = ? AND r.external_id = s.external_id AND r.deleted_at IS NULL
     WHERE s.pass_id < ? AND s.elsewhere = 0
       AND s.external_id NOT IN (SELECT external_id FROM removals WHERE stream_id = ?)
     ORDER BY s.external_id LIMIT ?`,
    passId,
    stream.id,
    stream.system,
    stream.stream,
    passId,
    stream.id,
    limit,
  );
  return rows.map((row) => ({ externalId: text(row, 'external_id'), scope: text(row, 'scope') }));
}

export async function sightAgain(
  sql: Sql,
  hold: Hold,
  passId: number,
  found: readonly Candidate[],
): Promise<void> {
  await checkFence(sql, hold);
  const stream = await streamOfPass(sql, passId);
  for (const [scope, some] of Map.groupBy(found, (candidate) => candidate.scope)) {
    await sql.run(
      `UPDATE sightings SET pass_id = ? WHERE stream_id = ?
         AND scope_id = (SELECT id FROM scopes WHERE stream_id = ? AND scope = ?)
         AND external_id ${sql.amongTexts}`,
      passId,
      stream.id,
      stream.id,
      scope,
      JSON.stringify(some.map(({ externalId }) => externalId)),
    );
  }
}

export async function stateGone(
  sql: Sql,
  hold: Hold,
  passId: number,
  gone: readonly Candidate[],
): Promise<void> {
  await checkFence(sql, hold);
  const stream = await streamOfPass(sql, passId);
  const ids = gone.map(({ externalId }) => externalId);
  if (ids.length > 0) await stateRemoved(sql, stream, ids);
}
