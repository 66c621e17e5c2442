// SPDX-License-Identifier: Apache-2.0
import {
  SourceChanged,
  type Hold,
  type Pass,
  type PassRequest,
  type PassScope,
  type ScopeEnd,
} from '../port.ts';
import { checkFence } from './fence.ts';
import { integer, optionalJson, optionalText, optionalTime, text, time, type Row, type Sql } from './sql.ts';

/** Opens a pass of a stream, or goes on with the one that was interrupted. */
export async function beginPass(sql: Sql, hold: Hold, request: PassRequest): Promise<Pass> {
  const system = await checkFence(sql, hold);
  await guardSource(sql, system, hold, request.source);
  await noteReturn(sql, system, hold.system);
  const stream = await streamOf(sql, hold, request);
  const { lastFullAt } = stream;
  const known = { stream: request.stream, record: request.record, lastFullAt };
  // A stream that had its full pass already need not wait for the others of its run.
  const due = request.mode === 'Full' && (lastFullAt === undefined || lastFullAt < request.fullSince);
  const open = await openPass(sql, stream.id, request, due);
  if (open !== undefined) {
    return {
      ...known,
      ...open,
      continued: true,
      scopes: await scopesOf(sql, open.id),
      cursors: open.mode === 'Full' ? new Map() : await cursorsOf(sql, stream.id),
    };
  }
  const cursors = due ? new Map<string, unknown>() : await cursorsOf(sql, stream.id);
  const mode = cursors.size === 0 ? 'Full' : 'Incremental';
  const row = await sql.get(
    'INSERT INTO passes (stream_id, run_uid, mode, fingerprint, started_at) VALUES (?, ?, ?, ?, ?) RETURNING id',
    stream.id,
    hold.runUid,
    mode,
    request.fingerprint,
    request.at.toISOString(),
  );
  const id = integer(row, 'id');
  return { ...known, id, mode, startedAt: request.at, continued: false, scopes: new Map(), cursors };
}

export async function boundSource(sql: Sql, system: string): Promise<string | undefined> {
  const row = await sql.get('SELECT source FROM systems WHERE system = ?', system);
  return row === undefined ? undefined : optionalText(row, 'source');
}

/** The first pass binds the rows to their source; another source may not touch them. */
async function guardSource(sql: Sql, system: Row, hold: Hold, source: string): Promise<void> {
  const bound = optionalText(system, 'source');
  if (bound === undefined)
    await sql.run('UPDATE systems SET source = ? WHERE system = ?', source, hold.system);
  else if (bound !== source) throw new SourceChanged(hold.system, bound, source);
}

/** A run reads the system again: when its object goes once more, its rows are withdrawn once more. */
async function noteReturn(sql: Sql, row: Row, system: string): Promise<void> {
  if (optionalTime(row, 'withdrawn_at') === undefined) return;
  await sql.run('UPDATE systems SET withdrawn_at = NULL WHERE system = ?', system);
}

interface KnownStream {
  readonly id: number;
  readonly lastFullAt: Date | undefined;
}

/** Cursors of another fingerprint are dropped: the next reading is full. */
async function streamOf(sql: Sql, hold: Hold, request: PassRequest): Promise<KnownStream> {
  const row = await sql.get(
    'SELECT id, record, fingerprint, last_full_at FROM streams WHERE system = ? AND stream = ?',
    hold.system,
    request.stream,
  );
  if (row === undefined) {
    const made = await sql.get(
      'INSERT INTO streams (system, stream, record, fingerprint) VALUES (?, ?, ?, ?) RETURNING id',
      hold.system,
      request.stream,
      request.record,
      request.fingerprint,
    );
    return { id: integer(made, 'id'), lastFullAt: undefined };
  }
  const id = integer(row, 'id');
  const record = text(row, 'record');
  if (record !== request.record) {
    throw new Error(
      `stream ${request.stream} of ${hold.system} holds ${record} records and cannot take ${request.record}`,
    );
  }
  if (text(row, 'fingerprint') === request.fingerprint) {
    return { id, lastFullAt: optionalTime(row, 'last_full_at') };
  }
  await sql.run(
    'UPDATE streams SET fingerprint = ?, last_full_at = NULL WHERE id = ?',
    request.fingerprint,
    id,
  );
  await sql.run('UPDATE scopes SET cursor = NULL WHERE stream_id = ?', id);
  return { id, lastFullAt: undefined };
}

async function cursorsOf(sql: Sql, streamId: number): Promise<Map<string, unknown>> {
  const rows = await sql.all(
    'SELECT scope, cursor FROM scopes WHERE stream_id = ? AND cursor IS NOT NULL',
    streamId,
  );
  return new Map(rows.map((row) => [text(row, 'scope'), optionalJson(row, 'cursor')]));
}

/** The open pass when it may be gone on with; one that may not is closed without any verdict. */
async function openPass(sql: Sql, streamId: number, request: PassRequest, fullDue: boolean) {
  const row = await sql.get(
    'SELECT * FROM passes WHERE stream_id = ? AND closed_at IS NULL ORDER BY id DESC LIMIT 1',
    streamId,
  );
  if (row === undefined) return undefined;
  const mode = text(row, 'mode') === 'Full' ? 'Full' : 'Incremental';
  const startedAt = time(row, 'started_at');
  const usable =
    text(row, 'fingerprint') === request.fingerprint &&
    startedAt >= request.notBefore &&
    (mode === 'Full' || !fullDue);
  if (usable) return { id: integer(row, 'id'), mode, startedAt } as const;
  await sql.run(
    'UPDATE passes SET closed_at = ? WHERE stream_id = ? AND closed_at IS NULL',
    request.at.toISOString(),
    streamId,
  );
  return undefined;
}

async function scopesOf(sql: Sql, passId: number): Promise<Map<string, PassScope>> {
  const rows = await sql.all(
    `SELECT s.scope, p.checkpoint, p.tainted, p.verdict, p.cursor, p.evidence
     FROM pass_scopes p JOIN scopes s ON s.id = p.scope_id WHERE p.pass_id = ?`,
    passId,
  );
  return new Map(rows.map((row) => [text(row, 'scope'), scopeOf(row)]));
}

function scopeOf(row: Row): PassScope {
  const checkpoint = optionalJson(row, 'checkpoint');
  const coverage = optionalText(row, 'verdict');
  const cursor = optionalJson(row, 'cursor');
  const evidence = optionalJson(row, 'evidence');
  const tainted = integer(row, 'tainted') === 1;
  const begun = checkpoint === undefined ? { tainted } : { tainted, checkpoint };
  if (coverage !== 'Full' && coverage !== 'Window') return begun;
  const known = {
    ...(cursor === undefined ? {} : { cursor }),
    ...(evidence === undefined ? {} : { evidence }),
  };
  return { ...begun, ended: { coverage, ...known } };
}

/** See PassWriter. Passes lie in their order, and the one before is near: what is looked through is what was read since. */
export async function lastEvidence(
  sql: Sql,
  streamId: number,
  scope: string,
  before?: number,
): Promise<unknown> {
  const known = await sql.get('SELECT id FROM scopes WHERE stream_id = ? AND scope = ?', streamId, scope);
  if (known === undefined) return undefined;
  const row = await sql.get(
    `SELECT evidence FROM pass_scopes WHERE scope_id = ? AND pass_id < ? AND verdict IN ('Full', 'Window')
     ORDER BY pass_id DESC LIMIT 1`,
    integer(known, 'id'),
    before ?? Number.MAX_SAFE_INTEGER,
  );
  return row === undefined ? undefined : optionalJson(row, 'evidence');
}

/** The id of a scope, made when it is new. */
export async function scopeId(sql: Sql, streamId: number, scope: string): Promise<number> {
  const row =
    (await sql.get('SELECT id FROM scopes WHERE stream_id = ? AND scope = ?', streamId, scope)) ??
    (await sql.get('INSERT INTO scopes (stream_id, scope) VALUES (?, ?) RETURNING id', streamId, scope));
  return integer(row, 'id');
}

export interface StreamOfPass {
  readonly id: number;
  readonly system: string;
  readonly stream: string;
  readonly record: PassRequest['record'];
}

/** The stream of a pass that is still open. */
export async function streamOfPass(sql: Sql, passId: number): Promise<StreamOfPass> {
  const row = await sql.get(
    `SELECT t.id, t.system, t.stream, t.record FROM passes p JOIN streams t ON t.id = p.stream_id
     WHERE p.id = ? AND p.closed_at IS NULL`,
    passId,
  );
  if (row === undefined) throw new Error(`pass ${passId} is not open`);
  return {
    id: integer(row, 'id'),
    system: text(row, 'system'),
    stream: text(row, 'stream'),
    record: text(row, 'record') as PassRequest['record'],
  };
}

/**
 * Writes the verdict on a scope, and keeps its cursor for the end of the pass. A scope that was read in full earlier in this pass
 * and caught up by a window is read in full still.
 */
export async function endScope(sql: Sql, hold: Hold, end: ScopeEnd): Promise<void> {
  await checkFence(sql, hold);
  const stream = await streamOfPass(sql, end.passId);
  const scope = await scopeId(sql, stream.id, end.scope);
  const { verdict } = end;
  const verified = verdict.type === 'verified';
  const cursor = verified ? verdict.cursor : undefined;
  await sql.run(
    `INSERT INTO pass_scopes AS p (pass_id, scope_id, verdict, reason, evidence, ended_at, ended_by, cursor)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (pass_id, scope_id) DO UPDATE SET
       verdict = CASE WHEN p.verdict = 'Full' AND excluded.verdict = 'Window' THEN 'Full' ELSE excluded.verdict END,
       reason = excluded.reason, evidence = excluded.evidence, ended_at = excluded.ended_at,
       ended_by = excluded.ended_by, cursor = excluded.cursor`,
    end.passId,
    scope,
    verified ? verdict.coverage : 'unverified',
    verified ? null : verdict.reason,
    verdict.evidence === undefined ? null : JSON.stringify(verdict.evidence),
    end.at.toISOString(),
    attemptOf(hold),
    cursor === undefined ? null : JSON.stringify(cursor),
  );
}

/** Which attempt of which run gave a verdict. */
export function attemptOf(hold: Hold): string {
  return `${hold.runUid}/${hold.attempt}`;
}
