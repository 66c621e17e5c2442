// SPDX-License-Identifier: Apache-2.0
import { defineStream } from '../../src/connector/contract.ts';
import { listedColumns } from './columns.ts';
import { groupFields, toGroup } from './people-records.ts';
import type { Session } from './session.ts';
import { sysIdOf } from './raw-row.ts';
import { probeTable } from './table-probe.ts';
import { readTable } from './table-stream.ts';
import { Checkpoint, Cursor, Row } from './wire.ts';

const table = 'sys_user_group';
const columns = listedColumns(groupFields);

export const groups = defineStream({
  name: 'groups',
  record: 'Group',
  needs: ['read sys_user_group'],
  row: Row,
  cursor: Cursor,
  checkpoint: Checkpoint,
  enabled: (session: Session) => session.config.groups === true,
  read: (session, request) =>
    readTable(session, { table, columns: () => Promise.resolve(columns), audited: true }, request),
  idOf: sysIdOf,
  toRecord: toGroup,
  test: (session) => probeTable(session, table),
});
