// SPDX-License-Identifier: Apache-2.0
import { bounded } from '../../api/bounded.ts';
import type { PlanAction, PlanSample, PlannedChange } from '../port.ts';
import { integer, text, type Sql } from './sql.ts';

/** So many records of each stream and action are shown. */
export const maxSamples = 20;
/** A source that makes up names does not fill the table: what is beyond is counted together. */
const maxFields = 200;
const otherFields = '(others)';

interface Sample {
  readonly externalId: string | undefined;
  readonly name?: string;
  readonly changes?: readonly PlannedChange[];
  readonly reason?: string | undefined;
}

export async function keepSamples(
  sql: Sql,
  passId: number,
  action: PlanAction,
  samples: readonly Sample[],
): Promise<void> {
  if (samples.length === 0) return;
  const row = await sql.get(
    'SELECT count(*) AS n FROM plan_samples WHERE pass_id = ? AND action = ?',
    passId,
    action,
  );
  let number = integer(row, 'n');
  for (const { externalId, name, changes = [], reason } of samples.slice(0, maxSamples - number)) {
    number += 1;
    await sql.run(
      `INSERT INTO plan_samples (pass_id, number, action, external_id, name, changes, reason)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      passId,
      number,
      action,
      externalId === undefined ? null : bounded(externalId, 512),
      name === undefined ? null : bounded(name, 200),
      JSON.stringify(changes),
      reason === undefined ? null : bounded(reason, 512),
    );
  }
}

/** One entry of `fields` for each record and field that would change. */
export async function countFields(sql: Sql, passId: number, fields: readonly string[]): Promise<void> {
  if (fields.length === 0) return;
  const rows = await sql.all('SELECT field FROM plan_fields WHERE pass_id = ?', passId);
  const known = new Set(rows.map((row) => text(row, 'field')));
  const counts = new Map<string, number>();
  for (const field of fields) {
    const counted = known.has(field) || known.size < maxFields ? bounded(field, 200) : otherFields;
    known.add(counted);
    counts.set(counted, (counts.get(counted) ?? 0) + 1);
  }
  for (const [field, records] of counts) {
    await sql.run(
      `INSERT INTO plan_fields AS f (pass_id, field, records) VALUES (?, ?, ?)
       ON CONFLICT (pass_id, field) DO UPDATE SET records = f.records + excluded.records`,
      passId,
      field,
      records,
    );
  }
}

export function sampleFrom(row: Readonly<Record<string, unknown>>): PlanSample {
  const { action, external_id: externalId, name, changes, reason } = row as Readonly<Record<string, string>>;
  const parsed = JSON.parse(changes ?? '[]') as PlannedChange[];
  return {
    action: action as PlanAction,
    ...(typeof externalId === 'string' ? { externalId } : {}),
    ...(typeof name === 'string' ? { name } : {}),
    ...(parsed.length === 0 ? {} : { changes: parsed }),
    ...(typeof reason === 'string' ? { reason } : {}),
  };
}
