// SPDX-License-Identifier: Apache-2.0
import type { GroupMember, Named } from '../../src/connector/nested-groups.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { Graph } from './graph.ts';
import { knownMembers } from './listed-members.ts';
import { idIn, isSafeId } from './raw-row.ts';

/**
 * The direct members of a group, page by page, to the verified end of the listing; service principals are not among them, which v1.0 does not
 * list (vendor's known issue). Throws a Failure: a group that is not found is a configuration failure.
 */
export async function* membersOf(
  graph: Graph,
  group: Named,
): AsyncGenerator<readonly GroupMember[], void, void> {
  const what = `members of group ${group.name ?? group.id}`;
  const subject = `${what} (needs GroupMember.Read.All)`;
  if (!isSafeId(group.id))
    throw new Failure('configuration', `${subject}: the id is none of the directory's form`);
  const request = {
    subject,
    path: `groups/${group.id}/members`,
    query: { $select: 'id,displayName', $top: '999' },
  };
  for await (const rows of graph.pages(request)) {
    const listed = rows.map((object) => {
      const id = idIn(object);
      if (id === undefined) throw new Failure('contract', `${subject}: a member has no id`);
      return { id, object };
    });
    yield await knownMembers(graph, listed, what);
  }
}
