// SPDX-License-Identifier: Apache-2.0
import { Failure } from './failure.ts';

/** An external id, and its name in words where it is known. */
export interface Named {
  readonly id: string;
  readonly name?: string | undefined;
}

export interface GroupMember extends Named {
  /** Undefined where the vendor does not say: it is then given, and nobody is looked for in it. */
  readonly kind: 'User' | 'Group' | 'Device' | 'ServicePrincipal' | 'Contact' | undefined;
}

/** Somebody who is in a group, and by which groups: from the one that was asked about to the one that holds the member. */
export interface Grant {
  readonly member: GroupMember;
  readonly path: readonly [Named, ...Named[]];
}

export interface WalkOptions {
  /** The direct members of a group, page by page, read to a verified end. Throws a Failure when it cannot be. */
  readonly membersOf: (group: Named) => AsyncIterable<readonly GroupMember[]>;
  /** For messages: `spec.roleMappings[0].group`. */
  readonly field: string;
  readonly maxGroups?: number;
  readonly maxMembers?: number;
  /** What earlier walks from the same root have given, and this one does not give again; it grows with it, and the bounds hold for all. */
  readonly seen?: Seen;
}

/** Ids. */
export interface Seen {
  readonly groups: Set<string>;
  readonly members: Set<string>;
}

const defaultMaxGroups = 10_000;
const defaultMaxMembers = 500_000;

/**
 * Everybody in a group and in the groups within it, groups themselves left out, each one once with the shortest path; of paths of one length
 * the one whose ids come first, so that the same directory gives the same path every time. Groups may hold each other. Ids are held in memory,
 * not rows. Throws a configuration Failure when there are more groups or members than may be held.
 */
export async function* walkGroup(root: Named, options: WalkOptions): AsyncGenerator<readonly Grant[]> {
  const { membersOf, field, maxGroups = defaultMaxGroups, maxMembers = defaultMaxMembers } = options;
  const { groups: visited, members: given } = options.seen ?? { groups: new Set(), members: new Set() };
  visited.add(root.id);
  for (let level: Grant['path'][] = [[root]]; level.length > 0;) {
    const next = new Map<string, Grant['path']>();
    for (const path of level) {
      for await (const page of membersOf(path.at(-1) ?? root)) {
        const grants = page.filter(({ id, kind }) => kind !== 'Group' && !given.has(id));
        for (const group of page) {
          if (group.kind !== 'Group' || visited.has(group.id)) continue;
          visited.add(group.id);
          next.set(group.id, [...path, { id: group.id, name: group.name }]);
        }
        const fresh = new Map(grants.map((member) => [member.id, { member, path }]));
        for (const id of fresh.keys()) given.add(id);
        const [count, most, what] =
          visited.size > maxGroups
            ? [visited.size, maxGroups, 'groups within it']
            : [given.size, maxMembers, 'members'];
        if (count > most) {
          const message = `${field}: ${root.name ?? root.id} has more than ${most} ${what}; map a smaller group`;
          throw new Failure('configuration', message);
        }
        if (fresh.size > 0) yield [...fresh.values()];
      }
    }
    level = [...next.values()].toSorted(byIds);
  }
}

/** Bytewise by the ids of the path. */
function byIds(one: Grant['path'], other: Grant['path']): number {
  const [a, b] = [one, other].map((path) => path.map(({ id }) => id).join('\0'));
  return a === b ? 0 : (a ?? '') < (b ?? '') ? -1 : 1;
}
