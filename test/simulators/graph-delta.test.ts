// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GraphClient } from './graph-client.ts';
import type { DirectoryType } from './graph/directory.ts';
import type { Row } from './graph/rows.ts';

const day = 86_400_000;
const users = '/users/delta?$select=displayName,department,accountEnabled,manager';
const groups = '/groups/delta?$select=displayName,groupTypes,members';
let now: Date;
let client: GraphClient;
/** Ids as they were at the start. */
let people: readonly string[];
let teams: readonly string[];

beforeEach(async () => {
  now = new Date('2026-03-02T10:00:00Z');
  client = await GraphClient.start({ counts: { users: 60, groups: 20 }, now: () => now });
  people = idsOf('user');
  teams = idsOf('group');
});
afterEach(() => client.stop());

const directory = () => client.graph.tenant.directory;
const idsOf = (type: DirectoryType) => [...directory().objects[type]].map(({ id }) => id);
const user = (index: number) => people[index] ?? '';
const group = (index: number) => teams[index] ?? '';
const removed = (id: string, reason: string) => ({ id, '@removed': { reason } });
const member = (id: string, type = 'user') => ({ '@odata.type': `#microsoft.graph.${type}`, id });
const without = (id: string, type = 'user') => ({ ...member(id, type), '@removed': { reason: 'deleted' } });

/** The entries of the round behind a deltaLink. */
async function changesSince(
  link: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly Row[]> {
  return (await client.all(link, headers)).rows;
}

/** Members of every group as a client adds them up, in the order of the entries. */
function addedUp(entries: readonly Row[], before = new Map<string, Set<string>>()): Map<string, Set<string>> {
  for (const entry of entries) {
    const held = before.get(String(entry['id'])) ?? new Set<string>();
    before.set(String(entry['id']), held);
    for (const one of (entry['members@delta'] ?? []) as Row[]) {
      if (one['@removed'] === undefined) held.add(String(one['id']));
      else held.delete(String(one['id']));
    }
    if (entry['@removed'] !== undefined) before.delete(String(entry['id']));
  }
  return before;
}

function truth(): Map<string, Set<string>> {
  const of = (id: string) => new Set([...directory().related('members', id)].map((one) => one.id));
  return new Map(idsOf('group').map((id) => [id, of(id)]));
}

describe('a first round', () => {
  test('gives every object once, in pages of which only the last has a deltaLink', async () => {
    client.graph.quirks.deltaPage = 25;
    const { pages, rows } = await client.all(users);
    expect(
      pages.map((page) => [
        page.rows.length,
        '@odata.nextLink' in page.body,
        '@odata.deltaLink' in page.body,
      ]),
    ).toEqual([
      [25, true, false],
      [25, true, false],
      [10, false, true],
    ]);
    expect(rows.map((row) => row['id'])).toEqual(idsOf('user'));
    expect(rows[1]).toMatchObject({ accountEnabled: true, 'manager@delta': [member(user(0))] });
  });

  test('leaves out what was never set, and what is kept elsewhere', async () => {
    const { rows } = await client.all('/users/delta?$select=displayName,department,signInActivity,skills');
    expect(Object.keys(rows[14] ?? {})).toEqual(['id', 'displayName']);
    expect(Object.keys(rows[1] ?? {})).toEqual(['id', 'displayName', 'department']);
  });

  test('spreads members over entries of one id that do not stand together, and loses none', async () => {
    Object.assign(client.graph.quirks, { deltaMembers: 4, deltaPage: 7, emptyPageEvery: 3 });
    const { pages, rows } = await client.all(groups);
    const ofFirst = rows.flatMap((row, index) => (row['id'] === group(0) ? [index] : []));
    expect(ofFirst).toHaveLength(Math.ceil(directory().related('members', group(0)).size / 4));
    expect((ofFirst[1] ?? 0) - (ofFirst[0] ?? 0)).toBeGreaterThan(1);
    expect(addedUp(rows)).toEqual(truth());
    expect(pages.filter((page) => page.rows.length === 0).length).toBeGreaterThan(1);
  });

  test('tracks members only where they are selected', async () => {
    const { rows, deltaLink } = await client.all('/groups/delta?$select=displayName');
    expect(rows.some((row) => 'members@delta' in row)).toBe(false);
    directory().removeMember(group(0), user(0));
    expect(await changesSince(deltaLink)).toEqual([]);
  });

  test('of latest is a link from now on and no data', async () => {
    directory().update(user(1), { department: 'Before' });
    const { rows, deltaLink } = await client.all(`${users}&$deltatoken=latest`);
    expect(rows).toEqual([]);
    directory().update(user(2), { department: 'After' });
    expect((await changesSince(deltaLink)).map((row) => row['id'])).toEqual([user(2)]);
  });

  test('of certain ids knows no others', async () => {
    const filter = encodeURIComponent(`id eq '${user(3)}' or id eq '${user(4)}'`);
    const { rows, deltaLink } = await client.all(`${users}&$filter=${filter}`);
    expect(rows.map((row) => row['id'])).toEqual([user(3), user(4)]);
    for (const index of [3, 5]) directory().update(user(index), { department: 'Moved' });
    expect((await changesSince(deltaLink)).map((row) => row['id'])).toEqual([user(3)]);
  });

  test('tells what changed while it was read, at the latest in the next', async () => {
    client.graph.quirks.deltaPage = 20;
    const first = await client.get(users);
    directory().update(user(1), { department: 'Moved meanwhile' });
    const { deltaLink } = await client.all(String(first.body['@odata.nextLink']));
    expect(await changesSince(deltaLink)).toMatchObject([{ id: user(1), department: 'Moved meanwhile' }]);
  });

  test.each([
    '$top=5',
    '$orderby=displayName',
    '$search=x',
    '$expand=manager',
    "$filter=displayName eq 'x'",
    '$select=cooler',
  ])('does not understand %s', async (option) => {
    expect((await client.get(`/users/delta?${option}`)).status).toBe(400);
  });
});

describe('a later round', () => {
  const firstOf = async (path: string) => (await client.all(path)).deltaLink;

  test('tells what changed: all that is selected, or with return=minimal only that; null for what was cleared', async () => {
    const link = await firstOf(users);
    directory().update(user(1), { department: null });
    directory().update(user(2), { jobTitle: 'Not selected' });
    directory().update(user(3), { signInActivity: { lastSignInDateTime: '2026-03-02T10:00:00Z' } });
    directory().setManager(user(4));
    directory().setManager(user(5), user(1));
    const whole = await changesSince(link);
    expect(whole.map((row) => row['id'])).toEqual([user(1), user(4), user(5)]);
    expect(whole[0]).toMatchObject({
      displayName: expect.any(String),
      department: null,
      accountEnabled: true,
    });
    const minimal = await changesSince(link, { prefer: 'return=minimal' });
    expect(minimal).toEqual([
      { id: user(1), department: null },
      { id: user(4), 'manager@delta': [without(user(0))] },
      { id: user(5), 'manager@delta': expect.arrayContaining([without(user(0)), member(user(1))]) },
    ]);
    client.graph.quirks.deltaSparse = true;
    expect(await changesSince(link)).toEqual(minimal);
  });

  test('tells deletions by their kind, and what came back as an entry like others', async () => {
    const link = await firstOf(users);
    const [soft, hard, back] = [user(30), user(31), user(32)];
    directory().remove(soft);
    directory().purge(hard);
    directory().remove(back);
    expect(await changesSince(link)).toEqual(
      expect.arrayContaining([removed(soft, 'changed'), removed(hard, 'deleted'), removed(back, 'changed')]),
    );
    expect((await client.all('/directory/deletedItems/microsoft.graph.user?$select=id')).rows).toEqual([
      { id: soft },
      { id: back },
    ]);
    const next = (await client.all(link)).deltaLink;
    const teamsBefore = await firstOf(groups);
    directory().restore(back);
    directory().purge(soft);
    const later = await changesSince(next);
    expect(later).toContainEqual(removed(soft, 'deleted'));
    const entry = later.find((row) => row['id'] === back);
    expect(entry).toMatchObject({ displayName: expect.any(String), 'manager@delta': [member(user(3))] });
    expect(idsOf('user')).toContain(back);
    const rejoined = await changesSince(teamsBefore);
    expect(rejoined.find((row) => row['id'] === group(0))?.['members@delta']).toContainEqual(member(back));
  });

  test.each([
    ['Microsoft 365 groups can be restored', 1, 'changed'],
    ['security groups are gone', 7, 'deleted'],
  ])('%s', async (_, index, reason) => {
    const link = await firstOf(groups);
    const id = group(index);
    directory().remove(id);
    const entries = await changesSince(link);
    expect(entries).toContainEqual(removed(id, reason));
  });

  test('adds up with the first to what is there, whoever joined, left, was deleted or restored', async () => {
    const { rows, deltaLink } = await client.all(groups);
    const known = addedUp(rows);
    directory().removeMember(group(0), user(0));
    directory().addMember(group(7), user(40));
    directory().removeMember(group(7), user(40));
    directory().addMember(group(7), user(41));
    directory().remove(user(1));
    directory().remove(user(2));
    directory().restore(user(2));
    directory().remove(group(1));
    const added = directory().add('group', { displayName: 'New', groupTypes: [] });
    directory().addMember(added.id, user(5));
    const entries = await changesSince(deltaLink, { prefer: 'return=minimal' });
    expect(addedUp(entries, known)).toEqual(truth());
    expect(entries.find((row) => row['id'] === group(7))?.['members@delta']).toEqual(
      expect.arrayContaining([without(user(40)), member(user(41))]),
    );
    expect(await changesSince((await client.all(deltaLink)).deltaLink)).toEqual([]);
  });

  test('comes from devices and applications too', async () => {
    for (const [path, type] of [
      ['/devices/delta', 'device'],
      ['/servicePrincipals/delta', 'servicePrincipal'],
    ] as const) {
      const link = await firstOf(`${path}?$select=displayName`);
      const [one = '', two = ''] = idsOf(type);
      directory().update(one, { displayName: 'Renamed' });
      directory().remove(two);
      const reason = type === 'device' ? 'deleted' : 'changed';
      expect(await changesSince(link)).toEqual([{ id: one, displayName: 'Renamed' }, removed(two, reason)]);
    }
  });

  test('may tell things twice, and late', async () => {
    const link = await firstOf(users);
    for (const index of [1, 2, 3]) directory().update(user(index), { department: 'Moved' });
    Object.assign(client.graph.quirks, { deltaPage: 2, deltaRepeats: true });
    const { rows, deltaLink } = await client.all(link);
    expect(rows.map((row) => row['id'])).toEqual([user(1), user(2), user(2), user(3)]);
    client.graph.quirks.deltaReplay = 1;
    expect((await changesSince(deltaLink)).map((row) => row['id'])).toEqual([user(3)]);
    client.graph.quirks.deltaReplay = 0;
    client.graph.holdChanges();
    directory().update(user(9), { department: 'Late' });
    expect((await client.get(`/users/${user(9)}?$select=department`)).body).toMatchObject({
      department: 'Late',
    });
    const meanwhile = await client.all(deltaLink);
    expect(meanwhile.rows).toEqual([]);
    client.graph.showChanges();
    expect((await changesSince(meanwhile.deltaLink)).map((row) => row['id'])).toEqual([user(9)]);
  });
});

describe('tokens of rounds', () => {
  test.each([
    ['gone', 410, '', undefined],
    ['syncStateNotFound', 400, 'syncStateNotFound', undefined],
    ['resyncRequired', 400, 'Request_BadRequest', 'resyncRequired'],
  ] as const)('last for seven days; then the answer is %s', async (how, status, code, inner) => {
    client.graph.quirks.deltaExpiry = how;
    const { deltaLink } = await client.all(users);
    now = new Date(now.getTime() + 7 * day);
    await client.logIn();
    expect((await client.get(deltaLink)).status).toBe(200);
    now = new Date(now.getTime() + 1);
    const refused = await client.get(deltaLink);
    expect(refused).toMatchObject({ status, code });
    const { innerError } = refused.body['error'] as { readonly innerError: Row };
    expect(innerError['code']).toBe(inner);
    if (how !== 'gone') return;
    const location = refused.headers.get('location') ?? '';
    expect(location).toMatch(/\/v1\.0\/users\/delta\?\$deltatoken=$/u);
    expect((await client.all(location)).rows).toHaveLength(60);
  });

  test('of a page end in mid-round, and the deltaLink before is still good', async () => {
    client.graph.quirks.deltaPage = 20;
    const { deltaLink } = await client.all(users);
    for (let index = 0; index < 50; index += 1) directory().update(user(index), { department: 'Moved' });
    const page = await client.get(deltaLink);
    client.graph.pages.expire();
    expect(await client.get(String(page.body['@odata.nextLink']))).toMatchObject({
      status: 400,
      code: 'Directory_ExpiredPageToken',
    });
    expect(await changesSince(deltaLink)).toHaveLength(50);
  });

  test('are made too old on demand, and mean nothing to another emulator or collection', async () => {
    const { deltaLink } = await client.all(users);
    expect(await client.get(deltaLink.replace('/users/', '/groups/'))).toMatchObject({
      status: 400,
      code: 'syncStateNotFound',
    });
    client.graph.deltaTokens.expire();
    expect((await client.get(deltaLink)).status).toBe(410);
    const query = deltaLink.replace(/^.*\/v1\.0/u, '');
    await client.stop();
    client = await GraphClient.start({ now: () => now });
    expect(await client.get(query)).toMatchObject({ status: 400, code: 'syncStateNotFound' });
  });
});
