// SPDX-License-Identifier: Apache-2.0
import { batchSize } from './batch.ts';
import { followed, maxPageSize, PageGuard, type Graph, type GraphPage } from './graph.ts';

/** Members of one group, as the listing gives them; a long list comes in several. */
export interface MemberList {
  readonly groupId: string;
  readonly members: readonly unknown[];
  /** Whether it is the first of its group. */
  readonly isFirst: boolean;
}

/**
 * The direct members of groups as they stand, each list to its end: of twenty groups in a request, then what is left of the long ones, page by page.
 * Returns the groups that were not found, which may be those that a replica has not heard of. Throws a Failure when a list is refused.
 */
export async function* memberLists(
  graph: Graph,
  subject: string,
  groupIds: readonly string[],
): AsyncGenerator<readonly MemberList[], readonly string[], void> {
  const missing: string[] = [];
  for (let start = 0; start < groupIds.length; start += batchSize) {
    const ids = groupIds.slice(start, start + batchSize);
    const items = ids.map((id) => ({ id, url: `/groups/${id}/members?$select=id&$top=${maxPageSize}` }));
    const answers = await graph.batch(subject, items);
    const firsts: (readonly [string, GraphPage])[] = [];
    for (const id of ids) {
      const answered = answers.get(id);
      if (answered === undefined || answered.status === 404) missing.push(id);
      else firsts.push([id, graph.pageOf(answered, subject)]);
    }
    yield firsts.map(([groupId, { rows }]) => ({ groupId, members: rows, isFirst: true }));
    for (const [groupId, first] of firsts) {
      const guard = new PageGuard(subject);
      for (let next = guard.next(first); next !== undefined;) {
        const page = await graph.page(followed({ subject, path: '' }, next));
        yield [{ groupId, members: page.rows, isFirst: false }];
        next = guard.next(page);
      }
    }
  }
  return missing;
}
