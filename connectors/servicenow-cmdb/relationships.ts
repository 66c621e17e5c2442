// SPDX-License-Identifier: Apache-2.0
import { defineStream } from '../../src/connector/contract.ts';
import { relationshipFields, toRelationship } from './relationship-record.ts';
import type { Session } from './session.ts';
import { probeTable, readTable } from './table-stream.ts';
import { sysIdOf } from './walk.ts';
import { Checkpoint, Cursor, Row } from './wire.ts';

const table = 'cmdb_rel_ci';

export const relationships = defineStream({
  name: 'relationships',
  record: 'Relationship',
  needs: ['read cmdb_rel_ci'],
  row: Row,
  cursor: Cursor,
  checkpoint: Checkpoint,
  enabled: (session: Session) => session.config.relationships === true,
  read: (session, request) => readTable(session, { table, fields: relationshipFields }, request),
  idOf: sysIdOf,
  toRecord: toRelationship,
  test: (session) => probeTable(session, table),
});
