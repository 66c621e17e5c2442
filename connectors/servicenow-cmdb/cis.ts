// SPDX-License-Identifier: Apache-2.0
import { defineStream } from '../../src/connector/define-stream.ts';
import { joined, type CheckFinding } from '../../src/connector/finding.ts';
import { toAsset } from './asset-record.ts';
import { prepare, readClasses } from './class-reading.ts';
import { mappableRow } from './mappable-row.ts';
import { sysIdProbe } from './probe.ts';
import { sysIdOf } from './raw-row.ts';
import { hasSecretName } from './secret-fields.ts';
import type { Session } from './session.ts';
import { probeTable } from './table-probe.ts';
import { Checkpoint, Cursor, Row } from './wire.ts';

export const cis = defineStream({
  name: 'cis',
  record: 'Asset',
  needs: ['read the listed classes', 'read sys_db_object', 'read sys_dictionary'],
  row: Row,
  secretField: hasSecretName,
  cursor: Cursor,
  checkpoint: Checkpoint,
  enabled: () => true,
  read: readClasses,
  idOf: sysIdOf,
  toRecord: (row, session: Session) => toAsset(row, session.classes),
  async prepare(session: Session) {
    await session.classes.loadedTree();
  },
  mappable: mappableRow,
  probe: sysIdProbe(async ({ classes, config }) => {
    const tables = await classes.scopes();
    const audited = tables.flatMap((table) => classes.namesBelow(table));
    return { tables, query: config.query ?? '', audited };
  }),
  test: testClasses,
});

async function testClasses(session: Session): Promise<CheckFinding> {
  const { context, tables, unchecked } = await prepare(session);
  const found: (CheckFinding | string)[] = [];
  for (const table of tables) {
    const { source } = await context.columnsOf(table);
    found.push(await probeTable(session, table));
    if (source !== 'all') continue;
    found.push(`${table}: its columns are not in sys_dictionary, all are read`);
  }
  found.push(...unchecked, await session.deletions.test(session.clock.now));
  return joined(found);
}
