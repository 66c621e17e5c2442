// SPDX-License-Identifier: Apache-2.0
import type { Candidate, Hold, ScopeStanding } from '../port.ts';
import { checkFence } from './fence.ts';
import { stateRemoved } from './pages.ts';
import { streamOfPass } from './passes.ts';
import { closingPass, lacksRecords, lastSeenIn, tablesOf, type ClosingPass } from './pass-tally.ts';
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

/** The very records that closing the pass would find absent, as a statement with its parameters: see `lastSeen`. */
export function absentRecords(pass: ClosingPass): {
  readonly select: string;
  readonly values: readonly (string | number)[];
} {
  const tables = tablesOf(pass);
  return {
    select: `SELECT s.external_id, s.scope_id, c.scope, r.changed_at
      FROM (${lastSeenIn(tables)}) s
      JOIN (${scopesOf(pass)}) c ON c.id = s.scope_id
      JOIN ${pass.table} r
        ON r.system = ? AND r.stream = ? AND r.external_id = s.external_id AND r.deleted_at IS NULL
      WHERE s.pass_id < ? AND s.elsewhere = 0
        AND s.external_id NOT IN (SELECT external_id FROM ${tables.removals} WHERE stream_id = ?)`,
    values: [
      ...[pass.id, pass.streamId, pass.streamId],
      ...[pass.system, pass.stream, pass.id, pass.streamId],
    ],
  };
}

export async function candidates(sql: Sql, pass: ClosingPass, limit: number): Promise<Candidate[]> {
  await sql.expectLargeJoins();
  if (!(await lacksRecords(sql, pass))) return [];
  const { select, values } = absentRecords(pass);
  const rows = await sql.all(`${select} ORDER BY s.external_id LIMIT ?`, ...values, limit);
  return rows.map((row) => ({ externalId: text(row, 'external_id'), scope: text(row, 'scope') }));
}

export async function sightYoung(sql: Sql, hold: Hold, passId: number, changedSince: Date): Promise<number> {
  await checkFence(sql, hold);
  await sql.expectLargeJoins();
  const pass = await closingPass(sql, passId);
  if (!(await lacksRecords(sql, pass))) return 0;
  const { select, values } = absentRecords(pass);
  return sql.run(
    `UPDATE sightings AS kept SET pass_id = ? FROM (${select} AND r.changed_at >= ?) young
     WHERE kept.stream_id = ? AND kept.external_id = young.external_id AND kept.scope_id = young.scope_id`,
    passId,
    ...values,
    changedSince.toISOString(),
    pass.streamId,
  );
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
