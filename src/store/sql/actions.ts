// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { ActionKind } from '../../api/sync-run.ts';
import type { Actor, NotedAction, RecordedAction } from '../port.ts';
import { integer, optionalText, text, time, type Sql } from './sql.ts';

/** Of the actions since the record before, so many are named in a run's record; the others wait for the next. */
const namedPerRun = 4;

/** Keeps what was done, in the transaction that does it. */
export async function recordAction(
  sql: Sql,
  system: string,
  kind: ActionKind,
  { actor, at }: Actor,
  facts: Readonly<Record<string, string | number | readonly object[]>>,
): Promise<void> {
  const json = canonicalize({ system, kind, actor, at: at.toISOString(), ...facts });
  if (json === undefined) throw new TypeError('an action must be JSON');
  const digest = `sha256:${hash('sha256', json, 'hex')}`;
  await sql.run(
    'INSERT INTO actions (system, kind, at, actor, json, digest) VALUES (?, ?, ?, ?, ?, ?)',
    system,
    kind,
    at.toISOString(),
    actor,
    json,
    digest,
  );
}

export async function actions(sql: Sql, system: string, limit: number): Promise<RecordedAction[]> {
  const rows = await sql.all(
    'SELECT * FROM actions WHERE system = ? ORDER BY id DESC LIMIT ?',
    system,
    limit,
  );
  return rows.map((row) => ({
    system: text(row, 'system'),
    kind: text(row, 'kind') as ActionKind,
    at: time(row, 'at'),
    actor: text(row, 'actor'),
    json: text(row, 'json'),
    digest: text(row, 'digest'),
    notedIn: optionalText(row, 'noted_in'),
  }));
}

/** The oldest actions that no record of the chain names yet. */
export async function unnoted(sql: Sql, system: string): Promise<NotedAction[]> {
  const rows = await sql.all(
    'SELECT kind, at, digest FROM actions WHERE system = ? AND noted_in IS NULL ORDER BY id LIMIT ?',
    system,
    namedPerRun,
  );
  return rows.map((row) => ({
    kind: text(row, 'kind') as ActionKind,
    at: time(row, 'at'),
    digest: text(row, 'digest'),
  }));
}

export async function note(
  sql: Sql,
  system: string,
  named: readonly NotedAction[],
  runUid: string,
): Promise<void> {
  for (const { digest } of named) {
    await sql.run(
      'UPDATE actions SET noted_in = ? WHERE system = ? AND digest = ? AND noted_in IS NULL',
      runUid,
      system,
      digest,
    );
  }
}

/** Whether a run that has not ended has the system. */
export async function runInHand(sql: Sql, system: string) {
  const row = await sql.get(
    `SELECT r.run_name, r.worker FROM systems s JOIN runs r ON r.run_uid = s.fence_run_uid
     WHERE s.system = ? AND r.ended_at IS NULL`,
    system,
  );
  return row === undefined ? undefined : { runName: text(row, 'run_name'), worker: text(row, 'worker') };
}

/** Every stream of the system is read anew and in full: what was begun is abandoned, cursors are dropped. */
export async function readAnew(sql: Sql, system: string, at: Date): Promise<void> {
  const rows = await sql.all('SELECT id FROM streams WHERE system = ?', system);
  for (const row of rows) await readStreamAnew(sql, integer(row, 'id'), at);
  await sql.run('UPDATE systems SET full_at = NULL WHERE system = ?', system);
}

export async function readStreamAnew(sql: Sql, streamId: number, at: Date): Promise<void> {
  await sql.run('UPDATE streams SET last_full_at = NULL WHERE id = ?', streamId);
  await sql.run('UPDATE scopes SET cursor = NULL WHERE stream_id = ?', streamId);
  await sql.run(
    'UPDATE passes SET closed_at = ? WHERE closed_at IS NULL AND stream_id = ?',
    at.toISOString(),
    streamId,
  );
}
