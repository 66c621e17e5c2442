// SPDX-License-Identifier: Apache-2.0
import { defineStream } from '../../src/connector/contract.ts';
import { toAsset } from './asset-record.ts';
import { readClasses } from './class-reading.ts';
import type { Session } from './session.ts';
import { probeTable } from './table-stream.ts';
import { sysIdOf } from './walk.ts';
import { Checkpoint, Cursor, Row } from './wire.ts';

export const cis = defineStream({
  name: 'cis',
  record: 'Asset',
  needs: ['read the listed classes', 'read sys_db_object', 'read sys_dictionary'],
  row: Row,
  cursor: Cursor,
  checkpoint: Checkpoint,
  enabled: () => true,
  read: readClasses,
  idOf: sysIdOf,
  toRecord: (row, session: Session) => toAsset(row, session.classes),
  test: testClasses,
});

async function testClasses(session: Session): Promise<string> {
  const scopes = await session.classes.scopes();
  const dictionary = await session.classes.loadedDictionary();
  await dictionary.fieldsOf(scopes);
  const said: string[] = [];
  for (const name of scopes) said.push(await probeTable(session, name));
  return said.join('; ');
}
