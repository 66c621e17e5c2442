// SPDX-License-Identifier: Apache-2.0
import { tableOf } from '../../inventory/columns.ts';
import type { RecordKind } from '../../inventory/kinds.ts';
import type { Holdings, StreamHoldings } from '../port.ts';
import { runInHand } from './actions.ts';
import { integer, optionalText, text, type Sql } from './sql.ts';
import { recordStates, statesOf } from './withdrawals.ts';

export interface KnownStream {
  readonly id: number;
  readonly system: string;
  readonly stream: string;
  readonly record: RecordKind;
}

export async function knownStreams(sql: Sql, system: string): Promise<KnownStream[]> {
  const rows = await sql.all('SELECT id, stream, record FROM streams WHERE system = ? ORDER BY id', system);
  return rows.map((row) => ({
    id: integer(row, 'id'),
    system,
    stream: text(row, 'stream'),
    record: text(row, 'record') as RecordKind,
  }));
}

export async function streamNames(sql: Sql, system: string | undefined): Promise<string[]> {
  const rows =
    system === undefined
      ? await sql.all('SELECT DISTINCT stream FROM streams ORDER BY stream')
      : await sql.all('SELECT stream FROM streams WHERE system = ? ORDER BY stream', system);
  return rows.map((row) => text(row, 'stream'));
}

export async function knownSystems(sql: Sql): Promise<string[]> {
  const rows = await sql.all('SELECT system FROM systems ORDER BY system');
  return rows.map((row) => text(row, 'system'));
}

export async function holdings(sql: Sql, system: string): Promise<Holdings | undefined> {
  const row = await sql.get('SELECT source FROM systems WHERE system = ?', system);
  if (row === undefined) return undefined;
  const streams: StreamHoldings[] = [];
  for (const stream of await knownStreams(sql, system)) streams.push(await holdingsOf(sql, stream));
  return { system, source: optionalText(row, 'source'), streams, running: await runInHand(sql, system) };
}

export async function holdingsOf(
  sql: Sql,
  { id, system, stream, record }: KnownStream,
): Promise<StreamHoldings> {
  const states = await sql.get(
    `SELECT ${recordStates} FROM "${tableOf(record).name}" WHERE system = ? AND stream = ?`,
    system,
    stream,
  );
  const kept = await sql.get('SELECT count(*) AS n FROM quarantine WHERE stream_id = ?', id);
  return { stream, record, ...statesOf(states), quarantined: integer(kept, 'n') };
}
