// SPDX-License-Identifier: Apache-2.0
import { defineStream } from '../../src/connector/define-stream.ts';
import { chunks } from './chunks.ts';
import { listedColumns, testListed } from './listed-table.ts';
import { mappableRow } from './mappable-row.ts';
import { mappedFields } from './mapped-fields.ts';
import { readAll } from './look-up.ts';
import { membershipFields, toMembership } from './people-records.ts';
import { isSafeId, readableText, storedText, sysIdOf } from './raw-row.ts';
import { hasSecretName } from './secret-fields.ts';
import type { Session } from './session.ts';
import { readTable } from './table-stream.ts';
import { Checkpoint, Cursor, Row } from './wire.ts';

const table = 'sys_user_grmember';
const listed = { stream: 'memberships', table, fields: membershipFields };
const idsPerQuery = 50;

export const memberships = defineStream({
  name: 'memberships',
  record: 'Membership',
  needs: ['read sys_user_grmember'],
  row: Row,
  secretField: hasSecretName,
  cursor: Cursor,
  checkpoint: Checkpoint,
  enabled: (session: Session) => session.config.groups === true,
  read: (session, request) =>
    readTable(
      session,
      {
        table,
        columns: () => listedColumns(session, listed),
        // The audit names the row; the record is named by its two ends.
        audited: false,
        complete: (rows) => withTwins(session, rows),
      },
      request,
    ),
  idOf: membershipId,
  toRecord: toMembership,
  mappable: mappableRow,
  test: (session) => testListed(session, listed),
});

/**
 * `group/user`. A row of which one end is empty is no membership, so it has only its own id; a row of which an end cannot be
 * read (missing, or no text) could be any membership, so it has none.
 */
export function membershipId(raw: unknown): string | undefined {
  const readable = readableText(raw, 'group') !== undefined && readableText(raw, 'user') !== undefined;
  return readable ? (pairOf(raw) ?? sysIdOf(raw)) : undefined;
}

function pairOf(raw: unknown): string | undefined {
  const group = storedText(raw, 'group');
  const user = storedText(raw, 'user');
  return group === undefined || user === undefined ? undefined : `${group}/${user}`;
}

/**
 * Several rows may join the same pair. The one with the highest sys_id stands for it: a full reading comes to it last, and
 * a window, which may hold only one of them, gets the others here.
 */
async function withTwins(session: Session, rows: readonly unknown[]): Promise<readonly unknown[]> {
  const newest = new Map<string, unknown>();
  const odd: unknown[] = [];
  for (const row of rows) {
    const pair = pairOf(row);
    if (pair === undefined) odd.push(row);
    else newest.set(pair, row);
  }
  // References may hold a name instead of an id.
  const users = new Set(rows.map((row) => storedText(row, 'user') ?? '').filter(isSafeId));
  const groups = new Set(rows.map((row) => storedText(row, 'group') ?? '').filter(isSafeId));
  for (const someGroups of chunks([...groups], idsPerQuery)) {
    for (const someUsers of chunks([...users], idsPerQuery)) {
      const filter = `groupIN${someGroups.join(',')}^userIN${someUsers.join(',')}`;
      const fields = [...membershipFields, ...mappedFields(session.mappedPaths('memberships'))];
      const selection = { table, filter, fields, labels: true };
      const found = await readAll(session.api, selection, session.pageSize);
      for (const row of found.rows) {
        const pair = pairOf(row);
        if (pair !== undefined && newest.has(pair)) newest.set(pair, row);
      }
    }
  }
  return [...odd, ...newest.values()];
}
