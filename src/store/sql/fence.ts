// SPDX-License-Identifier: Apache-2.0
import { changesInventory } from '../../api/sync-run.ts';
import { recordTables } from '../../inventory/columns.ts';
import {
  FenceLost,
  RunEnded,
  type Hold,
  type RunClaim,
  type StreamProgress,
  type StreamVerdict,
} from '../port.ts';
import { archivedFrom, insertOpenRun } from './run-rows.ts';
import { integer, optionalJson, optionalText, text, time, type Row, type Sql } from './sql.ts';

/** The system's row, locked until the transaction ends: whoever claims, writes or ends a run of the system stands in one line. */
export async function lockSystem(sql: Sql, system: string): Promise<Row> {
  const read = `SELECT * FROM systems WHERE system = ?${sql.forUpdate}`;
  const known = await sql.get(read, system);
  if (known !== undefined) return known;
  await sql.run('INSERT INTO systems (system) VALUES (?) ON CONFLICT (system) DO NOTHING', system);
  return (await sql.get(read, system)) ?? {};
}

/** Throws when another run or attempt holds the system, or nobody does because the run has ended. Answers the system's row. */
export async function checkFence(sql: Sql, hold: Hold): Promise<Row> {
  const row = await lockSystem(sql, hold.system);
  const held =
    optionalText(row, 'fence_run_uid') === hold.runUid && integer(row, 'fence_attempt') === hold.attempt;
  if (!held) throw new FenceLost(hold.system);
  return row;
}

/** When a run ends: its hold is void from here on. */
export async function giveUpFence(sql: Sql, system: string, runUid: string): Promise<void> {
  await sql.run(
    'UPDATE systems SET fence_run_uid = NULL, fence_attempt = NULL WHERE system = ? AND fence_run_uid = ?',
    system,
    runUid,
  );
}

/** Writes the open row of the run and sets the fence: from here on every older hold on the system is void. */
export async function claim(sql: Sql, request: RunClaim): Promise<Hold> {
  const system = await lockSystem(sql, request.system);
  const before = await sql.get('SELECT * FROM runs WHERE run_uid = ?', request.runUid);
  const archived = before === undefined ? undefined : archivedFrom(before);
  if (archived !== undefined) throw new RunEnded(archived);
  if (before === undefined) {
    await insertOpenRun(sql, request);
    if (changesInventory(request.mode)) await noteStart(sql, request);
  } else {
    await takeOver(sql, request, before);
  }
  const known = integer(system, 'demo');
  // What only looks leaves the rows as they are.
  const demo = changesInventory(request.mode) ? (request.demo ? 1 : 0) : known;
  if (known !== demo) await markDemo(sql, request.system, demo);
  await sql.run(
    'UPDATE systems SET fence_run_uid = ?, fence_attempt = ?, demo = ? WHERE system = ?',
    request.runUid,
    request.attempt,
    demo,
    request.system,
  );
  return {
    system: request.system,
    runUid: request.runUid,
    attempt: request.attempt,
    correlationId: request.correlationId,
    startedAt: before === undefined ? request.at : time(before, 'started_at'),
  };
}

async function takeOver(sql: Sql, request: RunClaim, before: Row): Promise<void> {
  const attempt = integer(before, 'attempt');
  const same = attempt === request.attempt && text(before, 'worker') === request.worker;
  if (attempt >= request.attempt && !same) throw new FenceLost(request.system);
  await sql.run(
    'UPDATE runs SET attempt = ?, worker = ? WHERE run_uid = ?',
    request.attempt,
    request.worker,
    request.runUid,
  );
}

export async function noteStart(
  sql: Sql,
  request: Pick<RunClaim, 'system' | 'systemUid' | 'at'>,
): Promise<void> {
  await sql.run(
    'UPDATE system_objects SET last_started_at = ? WHERE system = ? AND system_uid = ?',
    request.at.toISOString(),
    request.system,
    request.systemUid,
  );
}

/** A system that became demo, or real, takes all its rows along: views must never mix the two. */
async function markDemo(sql: Sql, system: string, demo: number): Promise<void> {
  for (const { name } of recordTables)
    await sql.run(`UPDATE "${name}" SET demo = ? WHERE system = ?`, demo, system);
}

export async function progress(sql: Sql, runUid: string): Promise<StreamProgress[]> {
  const rows = await sql.all('SELECT * FROM run_streams WHERE run_uid = ?', runUid);
  return rows.map((row) => ({
    tally: {
      stream: text(row, 'stream'),
      record: text(row, 'record') as StreamProgress['tally']['record'],
      pages: integer(row, 'pages'),
      fetched: integer(row, 'fetched'),
      created: integer(row, 'created'),
      updated: integer(row, 'updated'),
      unchanged: integer(row, 'unchanged'),
      deleted: integer(row, 'deleted'),
      failed: integer(row, 'failed'),
      ...(integer(row, 'withdrawn') === 0 ? {} : { withdrawn: integer(row, 'withdrawn') }),
    },
    verdict: optionalJson(row, 'verdict') as StreamVerdict | undefined,
  }));
}
