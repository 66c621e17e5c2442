// SPDX-License-Identifier: Apache-2.0
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
export async function listedColumns(
  session: Session,
  { stream, table, fields }: ListedTable,
): Promise<Columns> {
  const paths = session.mappedPaths(stream);
  const others = paths.filter(({ path }) => !fields.includes(path));
  if (others.length > 0) {
    await checkMappedFields(others, [table], await session.classes.dictionaryIfReadable(table));
  }
  return withMapped(allowList(fields), paths, table);
}

/** Checks the mapping, and that the account may read the table. */
export async function testListed(session: Session, listed: ListedTable): Promise<string> {
  await listedColumns(session, listed);
  return probeTable(session, listed.table);
}
