// SPDX-License-Identifier: Apache-2.0
import { tableOf } from '../../inventory/columns.ts';
import type { RecordKind } from '../../inventory/kinds.ts';
import type { Hold, RecordStates, StreamVerdict } from '../port.ts';
import { readStreamAnew } from './actions.ts';
import { checkFence } from './fence.ts';
import { tablesOf, type ClosingPass, type PassTables } from './pass-tally.ts';
import { integer, text, type Row, type Sql } from './sql.ts';

/** Columns that count the rows of a table by state; `statesOf` reads them. */
export const recordStates = `count(CASE WHEN deleted_at IS NULL AND withdrawn_at IS NULL THEN 1 END) AS live,
  count(deleted_at) AS deleted, count(CASE WHEN deleted_at IS NULL THEN withdrawn_at END) AS withdrawn`;

export function statesOf(row: Row | undefined): RecordStates {
  return {
    live: integer(row, 'live'),
    deleted: integer(row, 'deleted'),
    withdrawn: integer(row, 'withdrawn'),
  };
}

const mark = (table: string, reason: string) =>
  `UPDATE ${table} SET withdrawn_at = ?, changed_at = ?, withdrawn_reason = ${reason}`;
const markable = 'system = ? AND stream = ? AND deleted_at IS NULL AND withdrawn_at IS NULL';

/** Ids of a stream that the pass did not see and that stand in a scope which is no part of it. Parameters: stream, pass, pass. */
function outsideIn({ sightings, passScopes }: PassTables): string {
  const seen = `(SELECT stream_id, external_id, scope_id, pass_id FROM ${sightings})`;
  return `SELECT s.external_id FROM ${seen} s
  WHERE s.stream_id = ? AND s.scope_id NOT IN (SELECT scope_id FROM ${passScopes} WHERE pass_id = ?)
    AND NOT EXISTS (SELECT 1 FROM ${seen} o
      WHERE o.stream_id = s.stream_id AND o.external_id = s.external_id AND o.pass_id = ?)`;
}

/**
 * After a complete full pass: what it did not see either stood only in scopes that it read, and then its deletion was decided, or it
 * stands in a scope that is not read any more, and then it is withdrawn. Whatever else bears the mark is asked for again and loses it.
 * Answers how many rows were marked.
 */
export async function withdrawOutsideOf(sql: Sql, hold: Hold, pass: ClosingPass, at: Date): Promise<number> {
  const time = at.toISOString();
  const standing = `SELECT 1 FROM sightings s WHERE s.stream_id = ? AND s.external_id = ${pass.table}.external_id`;
  await sql.run(
    `UPDATE ${pass.table} SET withdrawn_at = NULL, withdrawn_reason = NULL, changed_at = ?
     WHERE system = ? AND stream = ? AND withdrawn_at IS NOT NULL AND (EXISTS (${standing} AND s.pass_id = ?)
       OR EXISTS (${standing}) AND NOT EXISTS (${standing}
         AND s.scope_id NOT IN (SELECT scope_id FROM pass_scopes WHERE pass_id = ?)))`,
    ...[time, pass.system, pass.stream, pass.streamId, pass.id],
    ...[pass.streamId, pass.streamId, pass.id],
  );
  const unasked = await sql.get(
    `SELECT count(*) AS n FROM scopes WHERE stream_id = ?
       AND id NOT IN (SELECT scope_id FROM pass_scopes WHERE pass_id = ?)`,
    pass.streamId,
    pass.id,
  );
  if (integer(unasked, 'n') === 0) return 0;
  const reason = `(SELECT 'scope ' || min(c.scope) || ' is no longer read' FROM sightings s JOIN scopes c ON c.id = s.scope_id
    WHERE s.stream_id = ? AND s.external_id = ${pass.table}.external_id
      AND s.scope_id NOT IN (SELECT scope_id FROM pass_scopes WHERE pass_id = ?))`;
  const marked = await sql.run(
    `${mark(pass.table, reason)}, correlation_id = ? WHERE ${markable} AND external_id IN (${outsideIn(tablesOf(pass))})`,
    time,
    time,
    pass.streamId,
    pass.id,
    hold.correlationId,
    pass.system,
    pass.stream,
    pass.streamId,
    pass.id,
    pass.id,
  );
  await forgetUnaskedPlaces(sql, pass);
  return marked;
}

/** How many rows of a table a plan would so mark. `statedGo`: those that the vendor states as gone are deleted before. */
export async function countOutside(
  sql: Sql,
  pass: ClosingPass,
  table: string,
  statedGo: boolean,
): Promise<number> {
  const tables = tablesOf(pass);
  const others = statedGo
    ? `AND external_id NOT IN (SELECT external_id FROM ${tables.removals} WHERE stream_id = ${pass.streamId})`
    : '';
  const row = await sql.get(
    `SELECT count(*) AS n FROM "${table}" WHERE ${markable} AND external_id IN (${outsideIn(tables)}) ${others}`,
    ...[pass.system, pass.stream, pass.streamId, pass.id, pass.id],
  );
  return integer(row, 'n');
}

/**
 * How many withdrawn rows a plan did not see and yet finds asked for again, because no scope that it leaves out holds them: they count as
 * live, or go.
 */
export async function countAskedAgain(sql: Sql, pass: ClosingPass, table: string): Promise<number> {
  const { sightings, passScopes } = tablesOf(pass);
  const seen = `SELECT external_id FROM ${sightings} WHERE stream_id = ?`;
  const row = await sql.get(
    `SELECT count(*) AS n FROM "${table}" WHERE system = ? AND stream = ? AND deleted_at IS NULL AND withdrawn_at IS NOT NULL
       AND external_id IN (${seen}) AND external_id NOT IN
         (${seen} AND (pass_id = ? OR scope_id NOT IN (SELECT scope_id FROM ${passScopes} WHERE pass_id = ?)))`,
    ...[pass.system, pass.stream, pass.streamId, pass.streamId, pass.id, pass.id],
  );
  return integer(row, 'n');
}

/**
 * Where a record that was seen stood in scopes that are not read any more says nothing of it now: it is judged by those that are, else
 * a changed query would keep every record from ever being proven gone. A scope that comes back is read in full.
 */
async function forgetUnaskedPlaces(sql: Sql, pass: ClosingPass): Promise<void> {
  const others = 'SELECT scope_id FROM pass_scopes WHERE pass_id = ?';
  await sql.run(
    `DELETE FROM sightings AS s WHERE stream_id = ? AND pass_id < ? AND scope_id NOT IN (${others})
       AND EXISTS (SELECT 1 FROM sightings o
         WHERE o.stream_id = s.stream_id AND o.external_id = s.external_id AND o.pass_id = ?)`,
    pass.streamId,
    pass.id,
    pass.id,
    pass.id,
  );
  await sql.run(
    `UPDATE scopes SET cursor = NULL WHERE stream_id = ? AND id NOT IN (${others})`,
    pass.streamId,
    pass.id,
  );
}

/** Marks the rows of streams that the configuration does not ask for at all any more. */
export async function withdrawStreams(
  sql: Sql,
  hold: Hold,
  asked: readonly string[],
  at: Date,
): Promise<void> {
  await checkFence(sql, hold);
  for (const row of await sql.all('SELECT id, stream, record FROM streams WHERE system = ?', hold.system)) {
    const stream = text(row, 'stream');
    if (asked.includes(stream)) continue;
    const record = text(row, 'record') as RecordKind;
    const reason = `stream ${stream} is no longer read`;
    const marked = await withdrawStream(sql, { system: hold.system, stream, record }, reason, at);
    // Its fingerprint may be that of the configuration that asks again.
    await readStreamAnew(sql, integer(row, 'id'), at);
    if (marked > 0) await countWithdrawn(sql, hold, stream, record, marked);
  }
}

/** Marks all rows of a stream; answers how many. */
export function withdrawStream(
  sql: Sql,
  {
    system,
    stream,
    record,
  }: { readonly system: string; readonly stream: string; readonly record: RecordKind },
  reason: string,
  at: Date,
): Promise<number> {
  const time = at.toISOString();
  const table = `"${tableOf(record).name}"`;
  return sql.run(`${mark(table, '?')} WHERE ${markable}`, time, time, reason, system, stream);
}

/** The stream was not read, and nothing of it is lacking. */
async function countWithdrawn(
  sql: Sql,
  hold: Hold,
  stream: string,
  record: RecordKind,
  withdrawn: number,
): Promise<void> {
  const verdict: StreamVerdict = {
    complete: true,
    scopesTotal: 0,
    scopesVerified: 0,
    unverified: [],
    withheld: 0,
  };
  await sql.run(
    `INSERT INTO run_streams AS r (run_uid, stream, record, withdrawn, verdict) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (run_uid, stream) DO UPDATE SET withdrawn = r.withdrawn + excluded.withdrawn, verdict = excluded.verdict`,
    hold.runUid,
    stream,
    record,
    withdrawn,
    JSON.stringify(verdict),
  );
}
