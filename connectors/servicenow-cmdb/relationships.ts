// SPDX-License-Identifier: Apache-2.0
import { defineStream } from '../../src/connector/define-stream.ts';
import { joined, type CheckFinding } from '../../src/connector/finding.ts';
import { allColumns, type Columns } from './columns.ts';
import { mappableRow } from './mappable-row.ts';
import { checkMappedFields, withMapped } from './mapped-fields.ts';
import { tableProbe } from './probe.ts';
import { hasSecretName } from './secret-fields.ts';
import { sysIdOf } from './raw-row.ts';
import { toRelationship } from './relationship-record.ts';
import { scopeFailure } from './scope-failure.ts';
import { relationTable as table, type Session } from './session.ts';
import { probeTable } from './table-probe.ts';
import { readTable } from './table-stream.ts';
import { Checkpoint, Cursor, Row } from './wire.ts';

export const relationships = defineStream({
  name: 'relationships',
  record: 'Relationship',
  needs: ['read cmdb_rel_ci'],
  row: Row,
  secretField: hasSecretName,
  cursor: Cursor,
  checkpoint: Checkpoint,
  enabled: (session: Session) => session.config.relationships === true,
  read: (session, request) =>
    readTable(session, { table, columns: () => mappedColumns(session), audited: true }, request),
  idOf: sysIdOf,
  toRecord: toRelationship,
  mappable: mappableRow,
  probe: tableProbe(table),
  test: testRelations,
});

/** Customers add columns to relations too. Where the dictionary does not tell them, all that may be kept are read. */
async function relationColumns(session: Session): Promise<Columns> {
  try {
    const dictionary = await session.classes.loadedDictionary();
    return await dictionary.columnsOf(table, ['sys_id', 'parent', 'child', 'type']);
  } catch (error) {
    if (scopeFailure(error) === undefined) throw error;
    return allColumns;
  }
}

/** The same with what the mapping asks for. Throws a Failure when it may not. */
async function mappedColumns(session: Session): Promise<Columns> {
  await checkMapping(session);
  return withMapped(await relationColumns(session), session.mappedPaths('relationships'), table);
}

async function checkMapping(session: Session): Promise<readonly string[]> {
  const paths = session.mappedPaths('relationships');
  return checkMappedFields(paths, [table], await session.classes.dictionaryIfReadable(table));
}

async function testRelations(session: Session): Promise<CheckFinding> {
  const unchecked = await checkMapping(session);
  withMapped(await relationColumns(session), session.mappedPaths('relationships'), table);
  return joined([await probeTable(session, table), ...unchecked]);
}
