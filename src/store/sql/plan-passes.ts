// SPDX-License-Identifier: Apache-2.0
import { tableOf } from '../../inventory/columns.ts';
import { SourceChanged, type Hold, type Pass, type PassRequest, type ScopeEnd } from '../port.ts';
import { checkFence } from './fence.ts';
import { attemptOf, type StreamOfPass } from './passes.ts';
import type { ClosingPass, PassTables } from './pass-tally.ts';
import { integer, optionalText, optionalTime, text, type Sql } from './sql.ts';

/** The tables of the inventory with what the plan has seen laid over them. */
const planned: PassTables = {
  passes: 'plan_passes',
  passScopes: 'plan_scopes',
  scopes:
    '(SELECT id, stream_id, scope FROM scopes UNION ALL SELECT scope_id, stream_id, scope FROM plan_scopes) every_scope',
  // An id may stand twice in one scope, once as it was seen before: the newest counts.
  sightings: `(SELECT stream_id, external_id, scope_id, pass_id FROM sightings
    UNION ALL SELECT stream_id, external_id, scope_id, pass_id FROM plan_sightings) every_sighting`,
  removals: 'plan_removals',
};

/** Records that live, and those that the plan would make live, as the table that a tally joins. */
function liveRecords(record: StreamOfPass['record']): string {
  return `(SELECT system, stream, external_id, deleted_at, changed_at FROM "${tableOf(record).name}" WHERE deleted_at IS NULL
    UNION ALL SELECT p.system, p.stream, s.external_id, NULL, NULL FROM plan_sightings s
      JOIN plan_passes p ON p.id = s.pass_id WHERE s.added = 1)`;
}

export interface PlanPass extends StreamOfPass {
  readonly passId: number;
  readonly runUid: string;
}

export function closingPlan(pass: PlanPass): ClosingPass {
  return {
    id: pass.passId,
    streamId: pass.id,
    system: pass.system,
    stream: pass.stream,
    table: liveRecords(pass.record),
    tables: planned,
  };
}

/** Starts a stream of a plan; what an attempt before has seen and counted of it is void. */
export async function beginPlan(sql: Sql, hold: Hold, request: PassRequest): Promise<Pass> {
  const system = await checkFence(sql, hold);
  const bound = optionalText(system, 'source');
  // Another source would be refused; an unbound one stays so.
  if (bound !== undefined && bound !== request.source) {
    throw new SourceChanged(hold.system, bound, request.source);
  }
  await forgetAttempt(sql, hold, request.stream);
  const known = await sql.get(
    'SELECT id, last_full_at FROM streams WHERE system = ? AND stream = ?',
    hold.system,
    request.stream,
  );
  const made = await sql.get(
    'INSERT INTO plan_passes (system, run_uid, stream, record) VALUES (?, ?, ?, ?) RETURNING id',
    hold.system,
    hold.runUid,
    request.stream,
    request.record,
  );
  const id = integer(made, 'id');
  const streamId = known === undefined ? -id : integer(known, 'id');
  await sql.run('UPDATE plan_passes SET stream_id = ? WHERE id = ?', streamId, id);
  // What was stated as gone before waits for a run to delete it.
  await sql.run(
    'INSERT INTO plan_removals (stream_id, external_id) SELECT stream_id, external_id FROM removals WHERE stream_id = ?',
    streamId,
  );
  return {
    id,
    stream: request.stream,
    record: request.record,
    mode: 'Full',
    startedAt: request.at,
    continued: false,
    scopes: new Map(),
    cursors: new Map(),
    lastFullAt: optionalTime(known, 'last_full_at'),
  };
}

async function forgetAttempt(sql: Sql, hold: Hold, stream: string): Promise<void> {
  await sql.run('DELETE FROM run_streams WHERE run_uid = ? AND stream = ?', hold.runUid, stream);
  const row = await sql.get(
    'SELECT id FROM plan_passes WHERE run_uid = ? AND stream = ?',
    hold.runUid,
    stream,
  );
  if (row !== undefined) await forgetPlanPass(sql, integer(row, 'id'));
}

/** What people read of a stream's plan; what it worked with was cleared before. */
export async function forgetPlanPass(sql: Sql, passId: number): Promise<void> {
  await sql.run('DELETE FROM plan_fields WHERE pass_id = ?', passId);
  await sql.run('DELETE FROM plan_samples WHERE pass_id = ?', passId);
  await sql.run('DELETE FROM plan_passes WHERE id = ?', passId);
}

/** Everything that plans keep of a system, or of one stream of it: also of streams that no run has read yet. */
export async function forgetPlans(sql: Sql, system: string, stream: string | undefined): Promise<void> {
  const passes = await sql.all(
    'SELECT id, stream_id FROM plan_passes WHERE system = ? AND (CAST(? AS text) IS NULL OR stream = ?)',
    ...[system, stream ?? null, stream ?? null],
  );
  for (const pass of passes) {
    const id = integer(pass, 'id');
    for (const seen of ['plan_sightings', 'plan_removals'])
      await sql.run(`DELETE FROM ${seen} WHERE stream_id = ?`, integer(pass, 'stream_id'));
    await sql.run('DELETE FROM plan_scopes WHERE pass_id = ?', id);
    await forgetPlanPass(sql, id);
  }
}

/** What plans show of records that are erased. */
export async function forgetSamples(sql: Sql, system: string, stream: string, ids: string): Promise<void> {
  await sql.run(
    `DELETE FROM plan_samples WHERE external_id ${sql.amongTexts}
       AND pass_id IN (SELECT id FROM plan_passes WHERE system = ? AND stream = ?)`,
    ids,
    system,
    stream,
  );
}

export async function planPass(sql: Sql, passId: number): Promise<PlanPass> {
  const row = await sql.get('SELECT * FROM plan_passes WHERE id = ? AND cleared = 0', passId);
  if (row === undefined) throw new Error(`the plan with pass ${passId} is not open`);
  return {
    passId,
    id: integer(row, 'stream_id'),
    system: text(row, 'system'),
    stream: text(row, 'stream'),
    record: text(row, 'record') as PlanPass['record'],
    runUid: text(row, 'run_uid'),
  };
}

/** The id of a scope; one that no run has read yet gets a number of the plan's own, below zero. */
export async function planScopeId(sql: Sql, pass: PlanPass, scope: string): Promise<number> {
  const row = await sql.get(
    `SELECT scope_id FROM plan_scopes WHERE pass_id = ? AND scope = ?`,
    pass.passId,
    scope,
  );
  if (row !== undefined) return integer(row, 'scope_id');
  const known = await sql.get('SELECT id FROM scopes WHERE stream_id = ? AND scope = ?', pass.id, scope);
  const count = await sql.get('SELECT count(*) AS n FROM plan_scopes WHERE pass_id = ?', pass.passId);
  const id = known === undefined ? -1 - integer(count, 'n') : integer(known, 'id');
  await sql.run(
    'INSERT INTO plan_scopes (pass_id, stream_id, scope_id, scope) VALUES (?, ?, ?, ?)',
    pass.passId,
    pass.id,
    id,
    scope,
  );
  return id;
}

/** The verdict on a scope, for the tally only: evidence and cursor of a plan are of no further use. */
export async function endPlanScope(
  sql: Sql,
  hold: Hold,
  { passId, scope, verdict }: ScopeEnd,
): Promise<void> {
  await checkFence(sql, hold);
  const id = await planScopeId(sql, await planPass(sql, passId), scope);
  await sql.run(
    'UPDATE plan_scopes SET verdict = ?, ended_by = ? WHERE pass_id = ? AND scope_id = ?',
    verdict.type === 'verified' ? verdict.coverage : 'unverified',
    attemptOf(hold),
    passId,
    id,
  );
}
