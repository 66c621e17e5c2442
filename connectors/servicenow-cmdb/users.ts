// SPDX-License-Identifier: Apache-2.0
import { defineStream } from '../../src/connector/contract.ts';
import { listedColumns } from './columns.ts';
import { userFields, toUser } from './people-records.ts';
import type { Session } from './session.ts';
import { sysIdOf } from './raw-row.ts';
import { probeTable } from './table-probe.ts';
import { readTable } from './table-stream.ts';
import { Checkpoint, Cursor, Row } from './wire.ts';

const table = 'sys_user';
const columns = listedColumns(userFields);

export const users = defineStream({
  name: 'users',
  record: 'User',
  needs: ['read sys_user'],
  row: Row,
  cursor: Cursor,
  checkpoint: Checkpoint,
  enabled: (session: Session) => session.config.users === true,
  read: (session, request) =>
    readTable(session, { table, columns: () => Promise.resolve(columns), audited: true }, request),
  idOf: sysIdOf,
  toRecord: toUser,
  test: (session) => probeTable(session, table),
});
