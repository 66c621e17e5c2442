// SPDX-License-Identifier: Apache-2.0
import { concernsStream } from './answers.ts';
import type { Graph } from './graph.ts';
import { idIn } from './raw-row.ts';

/** Types that Graph keeps for about thirty days after their deletion (product documentation of deletedItems). */
export type RestorableType = 'user' | 'group' | 'servicePrincipal';

/** What the directory itself states as deleted. Read once for a session, when the first record looks gone. */
export class DeletedItems {
  private readonly graph: Graph;
  private readonly byType = new Map<RestorableType, Promise<ReadonlySet<string>>>();

  constructor(graph: Graph) {
    this.graph = graph;
  }

  /** Ids of the deleted objects of a type; empty where they may not be read, since this only adds to what absence says. */
  ids(type: RestorableType): Promise<ReadonlySet<string>> {
    const known = this.byType.get(type) ?? this.read(type);
    this.byType.set(type, known);
    return known;
  }

  private async read(type: RestorableType): Promise<ReadonlySet<string>> {
    const ids = new Set<string>();
    const request = {
      subject: `deleted items of type ${type}`,
      path: `directory/deletedItems/microsoft.graph.${type}`,
      query: { $select: 'id', $top: '999' },
    };
    try {
      for await (const rows of this.graph.pages(request))
        for (const row of rows) {
          const id = idIn(row);
          if (id !== undefined) ids.add(id);
        }
      return ids;
    } catch (error) {
      if (!concernsStream(error)) throw error;
      return new Set();
    }
  }
}
