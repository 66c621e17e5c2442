// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  walkGroup,
  type Grant,
  type GroupMember,
  type WalkOptions,
} from '../../src/connector/nested-groups.ts';

type Directory = Readonly<Record<string, readonly string[]>>;

const field = 'spec.roleMappings[0].group';
/** Ids in capitals are groups. */
const memberOf = (id: string): GroupMember => ({ id, kind: id === id.toUpperCase() ? 'Group' : 'User' });

async function walk(directory: Directory, options: Partial<WalkOptions> & { pageSize?: number } = {}) {
  const { pageSize = 2, ...rest } = options;
  const asked: string[] = [];
  const grants: Grant[] = [];
  async function* membersOf({ id }: { id: string }) {
    asked.push(id);
    const members = (directory[id] ?? []).map(memberOf);
    for (let at = 0; at < members.length; at += pageSize) yield members.slice(at, at + pageSize);
  }
  for await (const page of walkGroup({ id: 'ROOT' }, { membersOf, field, ...rest })) grants.push(...page);
  const paths = Object.fromEntries(
    grants.map(({ member, path }) => [member.id, path.map(({ id }) => id).join('>')]),
  );
  return { asked, grants, paths };
}

describe('everybody in a group', () => {
  test('is found once, by the shortest path, through groups that hold each other', async () => {
    const { asked, grants, paths } = await walk({
      ROOT: ['ann', 'A', 'B'],
      A: ['bob', 'C', 'ROOT'],
      B: ['cid', 'bob', 'A', 'dan'],
      C: ['cid', 'eve', 'B', 'C'],
    });
    expect(paths).toEqual({ ann: 'ROOT', bob: 'ROOT>A', cid: 'ROOT>B', dan: 'ROOT>B', eve: 'ROOT>A>C' });
    expect(grants).toHaveLength(5);
    expect(asked).toEqual(['ROOT', 'A', 'B', 'C']);
  });

  test('is given with the path whose ids come first, whatever the order of the answers', async () => {
    expect((await walk({ ROOT: ['B', 'A'], A: ['ann'], B: ['ann'] })).paths).toEqual({ ann: 'ROOT>A' });
    expect((await walk({ ROOT: ['A', 'B'], A: ['ann'], B: ['ann'] })).paths).toEqual({ ann: 'ROOT>A' });
  });

  test('ends in a failure that names the field when it is more than may be held', async () => {
    const many = { ROOT: ['A', 'B', 'ann'], A: ['bob'], B: ['cid'] };
    await expect(walk(many, { maxMembers: 2 })).rejects.toThrow(
      `${field}: ROOT has more than 2 members; map a smaller group`,
    );
    await expect(walk(many, { maxGroups: 2 })).rejects.toThrow('more than 2 groups within it');
    expect((await walk(many, { maxMembers: 3, maxGroups: 3 })).grants).toHaveLength(3);
  });

  test('is not given again by a second walk, nor asked for again, and counts for the bounds of both', async () => {
    const many = { ROOT: ['A', 'ann'], A: ['bob', 'B'], B: ['cid'] };
    const seen = { groups: new Set<string>(), members: new Set<string>() };
    expect((await walk({ ROOT: ['A'], A: ['bob'] }, { seen })).paths).toEqual({ bob: 'ROOT>A' });
    const again = await walk({ ...many, ROOT: ['ann', 'A', 'B', 'bob'] }, { seen });
    expect(again.paths).toEqual({ ann: 'ROOT', cid: 'ROOT>B' });
    expect(again.asked).toEqual(['ROOT', 'B']);
    await expect(walk({ ROOT: ['dan'] }, { seen, maxMembers: 3 })).rejects.toThrow('more than 3 members');
    await expect(walk({ ROOT: ['C'] }, { seen, maxGroups: 3 })).rejects.toThrow('more than 3 groups');
  });

  test('does not go on when the members of one group cannot be read', async () => {
    const membersOf: WalkOptions['membersOf'] = async function* ({ id }) {
      if (id === 'A') throw new Error('no right to read A');
      yield [memberOf('A'), memberOf('ann')];
    };
    await expect(walk({}, { membersOf })).rejects.toThrow('no right to read A');
  });

  test('is what a search through all edges finds, in any directory', async () => {
    const groups = ['ROOT', 'A', 'B', 'C', 'D', 'E'];
    const members = fc.uniqueArray(fc.constantFrom(...groups, 'ann', 'bob', 'cid', 'dan'));
    const directories = fc.record(Object.fromEntries(groups.map((id) => [id, members])));
    await fc.assert(
      fc.asyncProperty(directories, fc.integer({ min: 1, max: 4 }), async (directory, pageSize) => {
        const { paths } = await walk(directory, { pageSize });
        expect(paths).toEqual(shortestPaths(directory));
      }),
    );
  });
});

/** By trying every path without a repeated group, in the order of length and ids. */
function shortestPaths(directory: Directory): Record<string, string> {
  const found: Record<string, string> = {};
  let paths = [['ROOT']];
  while (paths.length > 0) {
    const longer: string[][] = [];
    for (const path of paths.toSorted((one, other) => (one.join('\0') < other.join('\0') ? -1 : 1))) {
      for (const id of directory[path.at(-1) ?? ''] ?? []) {
        if (id !== id.toUpperCase()) found[id] ??= path.join('>');
        else if (!path.includes(id)) longer.push([...path, id]);
      }
    }
    paths = longer;
  }
  return found;
}
