// SPDX-License-Identifier: Apache-2.0
import type { GroupMember, Named } from '../../src/connector/nested-groups.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { Graph } from './graph.ts';
import { memberKindOf } from './group-record.ts';
import { idIn, isSafeId, propertyOf } from './raw-row.ts';
import { textOf } from './values.ts';

/**
 * The direct members of a group, page by page, to the verified end of the listing; service principals are not among them, which v1.0 does not
 * list (vendor's known issue). Throws a Failure: a group that is not found is a configuration failure.
 */
export async function* membersOf(
  graph: Graph,
  group: Named,
): AsyncGenerator<readonly GroupMember[], void, void> {
  const subject = `members of group ${group.name ?? group.id} (needs GroupMember.Read.All)`;
  if (!isSafeId(group.id))
    throw new Failure('configuration', `${subject}: the id is none of the directory's form`);
  const request = {
    subject,
    path: `groups/${group.id}/members`,
    query: { $select: 'id,displayName', $top: '999' },
  };
  for await (const rows of graph.pages(request)) yield rows.map((row) => memberIn(row, subject));
}

function memberIn(row: unknown, subject: string): GroupMember {
  const id = idIn(row);
  if (id === undefined) throw new Failure('contract', `${subject}: a member has no id`);
  const type = propertyOf(row, '@odata.type');
  // Null where the application may not read objects of that type: the id is still a member's.
  const name = textOf(propertyOf(row, 'displayName'));
  return { id, name, kind: memberKindOf(typeof type === 'string' ? type : undefined) };
}
