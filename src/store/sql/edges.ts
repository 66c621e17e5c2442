// SPDX-License-Identifier: Apache-2.0
import { tableOf } from '../../inventory/columns.ts';
import { parentColumnOf } from '../../inventory/edges.ts';
import type { PageWrite } from '../port.ts';
import type { StreamOfPass } from './passes.ts';
import { text, type Sql } from './sql.ts';

/**
 * Live edges of the parents that a page completed which its pass has not seen: they are gone. To be asked once the page is sighted.
 * Costs the edges of these parents, whatever else there is.
 */
export async function edgesLeftOut(
  sql: Sql,
  stream: StreamOfPass,
  { passId, complete = [] }: Pick<PageWrite, 'passId' | 'complete'>,
  sightings: 'sightings' | 'plan_sightings' = 'sightings',
): Promise<string[]> {
  if (complete.length === 0) return [];
  const parent = parentColumnOf(stream.record);
  if (parent === undefined)
    throw new TypeError(`${stream.record} records have no parent that could be complete`);
  const rows = await sql.all(
    // As a maximum, each edge is looked up by its key: a planner without counts would join with the sightings of the whole stream.
    `SELECT r.external_id FROM "${tableOf(stream.record).name}" r
     WHERE r.system = ? AND r.stream = ? AND r.deleted_at IS NULL AND r."${parent.name}" ${sql.amongTexts}
       AND coalesce((SELECT max(s.pass_id) FROM ${sightings} s
         WHERE s.stream_id = ? AND s.external_id = r.external_id), 0) < ?`,
    stream.system,
    stream.stream,
    JSON.stringify(complete),
    stream.id,
    passId,
  );
  return rows.map((row) => text(row, 'external_id'));
}
