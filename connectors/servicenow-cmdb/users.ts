// SPDX-License-Identifier: Apache-2.0
import { defineStream } from '../../src/connector/define-stream.ts';
import { listedColumns, testListed } from './listed-table.ts';
import { mappableRow } from './mappable-row.ts';
import { userFields, toUser } from './people-records.ts';
import { tableProbe } from './probe.ts';
import { hasSecretName } from './secret-fields.ts';
import type { Session } from './session.ts';
import { sysIdOf } from './raw-row.ts';
import { readTable } from './table-stream.ts';
import { Checkpoint, Cursor, Row } from './wire.ts';

const table = 'sys_user';
const listed = { stream: 'users', table, fields: userFields };

export const users = defineStream({
  name: 'users',
  record: 'User',
  needs: ['read sys_user'],
  row: Row,
  secretField: hasSecretName,
  cursor: Cursor,
  checkpoint: Checkpoint,
  enabled: (session: Session) => session.config.users === true,
  read: (session, request) =>
    readTable(session, { table, columns: () => listedColumns(session, listed), audited: true }, request),
  idOf: sysIdOf,
  toRecord: toUser,
  mappable: mappableRow,
  probe: tableProbe(table),
  test: (session) => testListed(session, listed),
});
