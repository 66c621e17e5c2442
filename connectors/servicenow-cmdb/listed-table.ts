// SPDX-License-Identifier: Apache-2.0
import { joined, type CheckFinding } from '../../src/connector/finding.ts';
import { allowList, type Columns } from './columns.ts';
import { checkMappedFields, withMapped } from './mapped-fields.ts';
import type { Session } from './session.ts';
import { probeTable } from './table-probe.ts';

/** A table of which only some fields are read, since the others are nobody's business. */
export interface ListedTable {
  readonly stream: string;
  readonly table: string;
  readonly fields: readonly string[];
}

/** The listed columns and what the mapping asks for beside them. Throws a Failure when it may not. */
export async function listedColumns(session: Session, listed: ListedTable): Promise<Columns> {
  await checkListed(session, listed);
  return withMapped(allowList(listed.fields), session.mappedPaths(listed.stream), listed.table);
}

/** Throws a Failure when the mapping asks for what it may not; answers what could not be checked. */
async function checkListed(
  session: Session,
  { stream, table, fields }: ListedTable,
): Promise<readonly string[]> {
  const others = session.mappedPaths(stream).filter(({ path }) => !fields.includes(path));
  if (others.length === 0) return [];
  return checkMappedFields(others, [table], await session.classes.dictionaryIfReadable(table));
}

/** Checks the mapping, and that the account may read the table. */
export async function testListed(session: Session, listed: ListedTable): Promise<CheckFinding> {
  const unchecked = await checkListed(session, listed);
  return joined([await probeTable(session, listed.table), ...unchecked]);
}
