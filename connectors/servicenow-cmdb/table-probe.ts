// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import { passed, warning, type CheckFinding } from '../../src/connector/finding.ts';
import { grantRemedy } from './answers.ts';
import type { Session } from './session.ts';
import { askPage, pageRequest } from './walk.ts';

/**
 * Probes the right to read a table and says what it found. Row access shows only in rows that are counted and not given, so a
 * page of ids is asked for. Throws a Failure that names the table; also when rows are counted and none is given.
 */
export async function probeTable(session: Session, table: string): Promise<CheckFinding> {
  const selection = { table, filter: '', fields: ['sys_id'], labels: false };
  const request = pageRequest(selection, '', session.pageSize.rows, 0);
  let { page, limit } = await askPage(session.api, request, session.pageSize);
  const missing = () => Math.min(limit, page.total ?? 0) - page.rows.length;
  // The count and the rows are two questions to the server's database: ask again before hidden rows are stated.
  if (missing() > 0) ({ page, limit } = await askPage(session.api, request, session.pageSize));
  const { rows, total } = page;
  if (total === undefined)
    return warning(`${table}: readable, but the server does not count: nothing will be deleted`);
  if (rows.length === 0 && total > 0) {
    throw new Failure(
      'permission',
      `table ${table}: row access hides all of the first ${Math.min(limit, total)} of ${total} counted rows from the account; ${grantRemedy(`table ${table}`)} without row conditions`,
    );
  }
  if (missing() <= 0) return passed(`${table}: readable, ${total} rows counted`);
  const hidden = `row access hides ${missing()} of the first ${Math.min(limit, total)} rows`;
  return warning(
    `${table}: ${hidden}: nothing will be deleted, and each run reads all; ${grantRemedy(`table ${table}`)} without row conditions; ${total} rows counted`,
  );
}
