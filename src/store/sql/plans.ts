// SPDX-License-Identifier: Apache-2.0
import type { Hold, Plan, PlanStore, PlannedStream } from '../port.ts';
import { checkFence } from './fence.ts';
import { candidates, standing } from './candidates.ts';
import { sightInPlan, sightYoungInPlan, stateGoneInPlan } from './plan-candidates.ts';
import { endPlanPass } from './plan-end.ts';
import { writePlanPage } from './plan-pages.ts';
import { beginPlan, closingPlan, endPlanScope, forgetPlanPass, planPass } from './plan-passes.ts';
import { sampleFrom } from './plan-samples.ts';
import { integer, optionalText, text, type Row, type Sql, type SqlEngine } from './sql.ts';
import { storedValues } from './stored-values.ts';

/** Plans of a system that can be shown; older ones are forgotten. */
const keptPlans = 10;
/** Rows that are cleared in one transaction. */
const clearedRows = 5_000;

export function planStore(engine: SqlEngine): Omit<PlanStore, 'plan'> {
  const { transaction, read } = engine;
  return {
    planWriter: (redact) => ({
      async beginPass(hold, request) {
        // What an attempt before left of the stream.
        await clear(engine, hold);
        return transaction((sql) => beginPlan(sql, hold, request));
      },
      writePage: (hold, page) => transaction((sql) => writePlanPage(sql, hold, page, redact)),
      standing: (passId) => read(async (sql) => standing(sql, closingPlan(await planPass(sql, passId)))),
      candidates: (passId, limit) =>
        read(async (sql) => candidates(sql, closingPlan(await planPass(sql, passId)), limit)),
      storedValues: (stream, ids, columns) => read((sql) => storedValues(sql, stream, ids, columns)),
      sightYoung: (hold, passId, since) => transaction((sql) => sightYoungInPlan(sql, hold, passId, since)),
      sightAgain: (hold, passId, found) => transaction((sql) => sightInPlan(sql, hold, passId, found)),
      stateGone: (hold, passId, gone) => transaction((sql) => stateGoneInPlan(sql, hold, passId, gone)),
      // A plan reads everything itself, and stores nothing that was kept.
      rowsToReplay: () => Promise.resolve([]),
      replay: () => Promise.resolve({ created: 0, updated: 0, unchanged: 0 }),
      endScope: (hold, end) => transaction((sql) => endPlanScope(sql, hold, end)),
      async endPass(hold, end, decide) {
        await endPlanPass(engine, hold, end, decide, redact);
        await clear(engine, hold);
      },
    }),
    async tidyPlans(hold) {
      await clear(engine, hold);
      const old = await read((sql) => forgettable(sql, hold.system));
      if (old.length === 0) return;
      await transaction(async (sql) => {
        await checkFence(sql, hold);
        for (const id of old) await forgetPlanPass(sql, id);
      });
    },
  };
}

async function clear({ read, transaction }: SqlEngine, hold: Hold): Promise<void> {
  const rows = await read((sql) =>
    sql.all('SELECT id, stream_id FROM plan_passes WHERE system = ? AND cleared = 0', hold.system),
  );
  for (const row of rows) {
    let more = true;
    while (more) {
      more = await transaction(async (sql) => {
        await checkFence(sql, hold);
        return clearSome(sql, integer(row, 'id'), integer(row, 'stream_id'));
      });
    }
  }
}

/** Answers whether there is more. */
async function clearSome(sql: Sql, passId: number, streamId: number): Promise<boolean> {
  for (const table of ['plan_sightings', 'plan_removals']) {
    const cleared = await sql.run(
      `DELETE FROM ${table} WHERE stream_id = ? AND external_id IN
         (SELECT external_id FROM ${table} WHERE stream_id = ? LIMIT ${clearedRows})`,
      streamId,
      streamId,
    );
    if (cleared > 0) return true;
  }
  await sql.run('DELETE FROM plan_scopes WHERE pass_id = ?', passId);
  await sql.run('UPDATE plan_passes SET cleared = 1 WHERE id = ?', passId);
  return false;
}

/** Passes of plans that are not among the newest. */
async function forgettable(sql: Sql, system: string): Promise<number[]> {
  const rows = await sql.all('SELECT id, run_uid FROM plan_passes WHERE system = ? ORDER BY id DESC', system);
  const newest = new Set([...new Set(rows.map((row) => text(row, 'run_uid')))].slice(0, keptPlans));
  return rows.filter((row) => !newest.has(text(row, 'run_uid'))).map((row) => integer(row, 'id'));
}

export async function planOf(
  sql: Sql,
  run: string | undefined,
  system: string | undefined,
): Promise<Plan | undefined> {
  const found = await sql.get(
    `SELECT r.run_uid, r.run_name, r.system FROM plan_passes p JOIN runs r ON r.run_uid = p.run_uid
     WHERE (CAST(? AS text) IS NULL OR r.run_name = ? OR r.run_uid = ?) AND (CAST(? AS text) IS NULL OR r.system = ?)
     ORDER BY p.id DESC LIMIT 1`,
    ...[run ?? null, run ?? null, run ?? null, system ?? null, system ?? null],
  );
  if (found === undefined) return undefined;
  const runUid = text(found, 'run_uid');
  const passes = await sql.all('SELECT * FROM plan_passes WHERE run_uid = ? ORDER BY id', runUid);
  const streams: PlannedStream[] = [];
  for (const pass of passes) streams.push(await streamOf(sql, pass));
  return { system: text(found, 'system'), runUid, runName: text(found, 'run_name'), streams };
}

async function streamOf(sql: Sql, pass: Row): Promise<PlannedStream> {
  const id = integer(pass, 'id');
  const fields = await sql.all(
    'SELECT field, records FROM plan_fields WHERE pass_id = ? ORDER BY records DESC, field',
    id,
  );
  const samples = await sql.all('SELECT * FROM plan_samples WHERE pass_id = ? ORDER BY action, number', id);
  const withheldReason = optionalText(pass, 'withheld_reason');
  return {
    stream: text(pass, 'stream'),
    fields: fields.map((row) => ({ field: text(row, 'field'), records: integer(row, 'records') })),
    ...(withheldReason === undefined ? {} : { withheldReason }),
    samples: samples.map((row) => sampleFrom(row)),
  };
}
