// SPDX-License-Identifier: Apache-2.0
import { tableOf } from '../../inventory/columns.ts';
import { memberColumnOf, parentColumnOf } from '../../inventory/edges.ts';
import type { PageWrite } from '../port.ts';
import type { StreamOfPass } from './passes.ts';
import { text, type Sql } from './sql.ts';

/**
 * Live edges that lead to members which are gone, a list for each of these. Costs these edges, and memory those of one member, whatever
 * else there is.
 */
export async function* edgesToMembers(
  sql: Sql,
  stream: StreamOfPass,
  { removedMembers = [] }: Pick<PageWrite, 'removedMembers'>,
): AsyncGenerator<readonly string[], void, void> {
  if (removedMembers.length === 0) return;
  const member = memberColumnOf(stream.record);
  if (member === undefined)
    throw new TypeError(`${stream.record} records have no member that could be removed`);
  const statement = `SELECT external_id FROM "${tableOf(stream.record).name}"
    WHERE system = ? AND stream = ? AND "${member.name}" = ? AND deleted_at IS NULL`;
  for (const id of removedMembers) {
    const rows = await sql.all(statement, stream.system, stream.stream, id);
    if (rows.length > 0) yield rows.map((row) => text(row, 'external_id'));
  }
}

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
  // One by one, and the newest sighting as a maximum: so every planner looks both up by their keys. One that has not counted its tables
  // yet would else go through all edges of the stream, or join with all its sightings.
  const statement = `SELECT r.external_id FROM "${tableOf(stream.record).name}" r
    WHERE r.system = ? AND r.stream = ? AND r."${parent.name}" = ? AND r.deleted_at IS NULL
      AND coalesce((SELECT max(s.pass_id) FROM ${sightings} s
        WHERE s.stream_id = ? AND s.external_id = r.external_id), 0) < ?`;
  const found: string[] = [];
  for (const id of complete) {
    const rows = await sql.all(statement, stream.system, stream.stream, id, stream.id, passId);
    found.push(...rows.map((row) => text(row, 'external_id')));
  }
  return found;
}
