// SPDX-License-Identifier: Apache-2.0
import type { Candidate, Hold, ScopeStanding } from '../port.ts';
import { checkFence } from './fence.ts';
import { stateRemoved } from './pages.ts';
import { streamOfPass } from './passes.ts';
import { lacksRecords, lastSeenIn, tablesOf, type ClosingPass } from './pass-tally.ts';
import { integer, text, type Sql } from './sql.ts';

/** Names of the scopes of a stream; a plan lays its own over them. Its parameter is the stream. */
function scopesOf(pass: ClosingPass): string {
  return `SELECT DISTINCT id, scope FROM ${tablesOf(pass).scopes} WHERE stream_id = ?`;
}

export async function standing(sql: Sql, pass: ClosingPass): Promise<ScopeStanding[]> {
  await sql.expectLargeJoins();
  const rows = await sql.all(
    `SELECT c.scope, count(*) AS live, count(CASE WHEN s.pass_id = ? THEN 1 END) AS seen
     FROM (${lastSeenIn(tablesOf(pass))}) s
     JOIN (${scopesOf(pass)}) c ON c.id = s.scope_id
     JOIN ${pass.table} r
       ON r.system = ? AND r.stream = ? AND r.external_id = s.external_id AND r.deleted_at IS NULL
     GROUP BY c.scope`,
    pass.id,
    pass.id,
    pass.streamId,
    pass.streamId,
    pass.system,
    pass.stream,
  );
  return rows.map((row) => ({
    scope: text(row, 'scope'),
    live: integer(row, 'live'),
    seen: integer(row, 'seen'),
  }));
}

/** The very records that closing the pass would find absent: see `lastSeen`. */
export async function candidates(sql: Sql, pass: ClosingPass, limit: number): Promise<Candidate[]> {
  await sql.expectLargeJoins();
  if (!(await lacksRecords(sql, pass))) return [];
  const tables = tablesOf(pass);
  const rows = await sql.all(
    `SELECT s.external_id, c.scope
     FROM (${lastSeenIn(tables)}) s
     JOIN (${scopesOf(pass)}) c ON c.id = s.scope_id
     JOIN ${pass.table} r
       ON r.system = ? AND r.stream = ? AND r.external_id = s.external_id AND r.deleted_at IS NULL
     WHERE s.pass_id < ? AND s.elsewhere = 0
       AND s.external_id NOT IN (SELECT external_id FROM ${tables.removals} WHERE stream_id = ?)
     ORDER BY s.external_id LIMIT ?`,
    pass.id,
    pass.streamId,
    pass.streamId,
    pass.system,
    pass.stream,
    pass.id,
    pass.streamId,
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
      idsOf(some),
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
  await stateRemoved(
    sql,
    await streamOfPass(sql, passId),
    gone.map(({ externalId }) => externalId),
  );
}

/** A JSON array, as statements take many ids. */
export function idsOf(candidatesFound: readonly Candidate[]): string {
  return JSON.stringify(candidatesFound.map(({ externalId }) => externalId));
}
