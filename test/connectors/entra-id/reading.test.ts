// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { RunStop } from '../../../src/sync/control.ts';
import { instead, rewritten } from '../../simulators/graph/faults.ts';
import { graphError } from '../../simulators/graph/reply.ts';
import { judgeDevice } from '../../simulators/graph/tenant/devices.ts';
import { EntraBench } from './bench.ts';

const dayMs = 86_400_000;

/** Someone of the tenant, by their place. */
function at(bench: EntraBench, type: 'user' | 'group' | 'device' | 'servicePrincipal', index: number) {
  const found = [...bench.graph.tenant.directory.objects[type]][index];
  if (found === undefined) throw new Error(`the tenant has no ${type} ${index}`);
  return found;
}

async function loaded(users = 120): Promise<EntraBench> {
  const bench = await EntraBench.open({ users });
  const status = await bench.run();
  expect(status.phase).toBe('Succeeded');
  bench.asked();
  bench.settle();
  return bench;
}

describe('a first run', () => {
  test('reads each stream to its end, with the counts of the directory', async () => {
    await using bench = await EntraBench.open({ users: 250 });
    const status = await bench.run();
    expect(status.phase).toBe('Succeeded');
    const counts = Object.fromEntries(
      (status.streams ?? []).map(({ name, created, evidence, mode, complete }) => [
        name,
        { created, rows: evidence?.rows, counted: evidence?.counted, mode, complete },
      ]),
    );
    const full = { mode: 'Full', complete: true };
    expect(counts).toEqual({
      users: { created: 250, rows: 250, counted: 250, ...full },
      groups: { created: 17, rows: 17, counted: 17, ...full },
      memberships: { created: 341, rows: 341, counted: undefined, ...full },
      devices: { created: 200, rows: 200, counted: 200, ...full },
      managedDevices: { created: 160, rows: 160, counted: undefined, ...full },
      // Of 37 service principals 11 are Microsoft's own, and 3 of the others identities of machines.
      ssoApplications: { created: 23, rows: 37, counted: 37, ...full },
    });
    expect(bench.asked()).toEqual([
      'GET /organization',
      ...['GET /users/delta', 'GET /users/$count', 'GET /users'],
      ...['GET /groups/delta', 'GET /groups/$count', 'GET /groups'],
      ...['GET /groups/delta', 'GET /groups/delta'],
      ...['GET /devices/delta', 'GET /devices/$count', 'GET /devices'],
      'GET /deviceManagement/managedDevices',
      // An empty last page.
      ...['GET /servicePrincipals/delta', 'GET /servicePrincipals/$count'],
      ...['GET /servicePrincipals', 'GET /servicePrincipals'],
    ]);
  });

  test('goes through small and empty pages', async () => {
    await using bench = await EntraBench.open({ users: 95 });
    bench.graph.quirks.pageSize = 10;
    bench.graph.quirks.emptyPageEvery = 3;
    const status = await bench.run();
    expect(status.phase).toBe('Succeeded');
    expect(status.stream('users')).toMatchObject({ created: 95, pages: 14, complete: true });
  });

  test('asks for whole pages and for nothing that is not read', async () => {
    await using bench = await EntraBench.open({ users: 5 });
    await bench.run();
    const listing = bench.graph.requests.find(({ path }) => path === '/v1.0/users');
    expect(listing?.params.get('$top')).toBe('999');
    expect(listing?.params.get('$expand')).toBe('manager($select=id)');
    expect(listing?.params.get('$select')?.split(',')).toContain('signInActivity');
    expect(listing?.headers['consistencylevel']).toBeUndefined();
    expect(listing?.headers['client-request-id']).toBe('run-1');
  });

  test('obeys a page size of the spec', async () => {
    await using bench = await EntraBench.open({ users: 50 });
    bench.spec = { limits: { pageSize: 20 } };
    const status = await bench.run();
    expect(status.stream('users')).toMatchObject({ created: 50, pages: 3 });
  });
});

describe('a later run', () => {
  test('that finds nothing asks seven questions', async () => {
    await using bench = await loaded();
    const status = await bench.run();
    expect(status.phase).toBe('Succeeded');
    expect(status.totals).toMatchObject({ created: 0, updated: 0, deleted: 0, failed: 0 });
    expect(status.stream('users')).toMatchObject({ mode: 'Incremental', complete: true });
    expect(bench.asked()).toHaveLength(7);
  });

  test('reads who came, changed and went, and keeps whatever an entry leaves out', async () => {
    await using bench = await loaded();
    const { directory } = bench.graph.tenant;
    bench.graph.quirks.deltaSparse = true;
    const [changed, moved, gone, device, group] = [
      at(bench, 'user', 3),
      at(bench, 'user', 5),
      at(bench, 'user', 119),
      at(bench, 'device', 4),
      at(bench, 'group', 1),
    ];
    directory.update(changed.id, { department: 'Space travel', jobTitle: null });
    directory.setManager(moved.id, at(bench, 'user', 40).id);
    const came = directory.add('user', {
      displayName: 'New Person',
      userPrincipalName: 'new@contoso.example',
    });
    directory.remove(gone.id);
    directory.remove(device.id);
    directory.update(group.id, { description: 'Another purpose' });
    const before = bench.rows(`SELECT * FROM users WHERE external_id = '${changed.id}'`)[0];

    const status = await bench.run();
    expect(status.phase).toBe('Succeeded');
    expect(status.stream('users')).toMatchObject({ created: 1, updated: 2, unchanged: 0, deleted: 1 });
    expect(status.stream('devices')).toMatchObject({ created: 0, updated: 0, deleted: 1 });
    expect(status.stream('groups')).toMatchObject({ created: 0, updated: 1, deleted: 0 });
    const after = bench.rows(`SELECT * FROM users WHERE external_id = '${changed.id}'`)[0];
    expect(after).toMatchObject({
      department: 'Space travel',
      title: null,
      name: before?.['name'],
      email: before?.['email'],
      manager: before?.['manager'],
      last_login_at: before?.['last_login_at'],
      attributes: before?.['attributes'],
    });
    expect(before?.['title']).not.toBeNull();
    const [mover] = bench.rows(`SELECT manager FROM users WHERE external_id = '${moved.id}'`);
    expect(mover?.['manager']).toBe(at(bench, 'user', 40).id);
    expect(bench.live('users')).toContain(came.id);
    expect(bench.live('users')).not.toContain(gone.id);
    // Four changed users, the new one among them, and the group: one batch each.
    expect(bench.asked().filter((request) => request === 'POST /$batch')).toHaveLength(2);
  });

  test('reads a manager who was taken away', async () => {
    await using bench = await loaded(30);
    const { id } = at(bench, 'user', 10);
    bench.graph.tenant.directory.setManager(id);
    expect((await bench.run()).stream('users')).toMatchObject({ updated: 1 });
    expect(bench.rows(`SELECT manager FROM users WHERE external_id = '${id}'`)).toEqual([{ manager: null }]);
  });

  test('sees another registered owner of a device with its next change, at the latest in full', async () => {
    await using bench = await EntraBench.open({ users: 20, devices: 10 });
    await bench.run();
    const { directory } = bench.graph.tenant;
    const [one, other] = [...directory.objects.device].filter(
      ({ id }) => [...directory.related('registeredOwners', id)].length === 1,
    );
    const owner = (id = '') =>
      bench.rows(`SELECT user_id AS u FROM devices WHERE external_id = '${id}'`)[0]?.['u'];
    const before = [owner(one?.id), owner(other?.id)];
    const heir = [...directory.objects.user].find(({ id }) => !before.includes(id))?.id ?? '';
    for (const { id } of [one, other].filter((device) => device !== undefined)) {
      for (const { id: former } of directory.related('registeredOwners', id))
        directory.unrelate('registeredOwners', id, former);
      directory.relate('registeredOwners', id, heir);
    }
    expect((await bench.run()).stream('devices')).toMatchObject({ mode: 'Incremental', fetched: 0 });
    expect([owner(one?.id), owner(other?.id)]).toEqual(before);
    directory.update(one?.id ?? '', { displayName: 'Renamed' });
    await bench.run();
    expect([owner(one?.id), owner(other?.id)]).toEqual([heir, before[1]]);
    await bench.run({ mode: 'Full' });
    expect([owner(one?.id), owner(other?.id)]).toEqual([heir, heir]);
  });

  test('takes back a user who was restored, with the date on which it was first seen', async () => {
    await using bench = await loaded(30);
    const { directory } = bench.graph.tenant;
    const { id } = at(bench, 'user', 29);
    const seen = () => bench.rows(`SELECT first_seen_at FROM users WHERE external_id = '${id}'`);
    const first = seen();
    directory.remove(id);
    expect((await bench.run()).stream('users').deleted).toBe(1);
    directory.restore(id);
    expect((await bench.run()).stream('users')).toMatchObject({ created: 0, updated: 1, deleted: 0 });
    expect(bench.live('users')).toContain(id);
    expect(seen()).toEqual(first);
  });

  test('believes the entry before the answer of a replica that is behind', async () => {
    await using bench = await loaded(30);
    const { id } = at(bench, 'user', 3);
    bench.graph.tenant.directory.update(id, { department: 'New' });
    bench.graph.faults.add({
      when: ({ inBatch }) => inBatch,
      answer: rewritten((row) => ({ ...row, department: 'Old' })),
    });
    await bench.run();
    expect(bench.rows(`SELECT department FROM users WHERE external_id = '${id}'`)).toEqual([
      { department: 'New' },
    ]);
  });

  test('asks again in the next run for an object that cannot be read by id yet', async () => {
    await using bench = await loaded(30);
    const { id } = bench.graph.tenant.directory.add('user', { displayName: 'Late' });
    bench.graph.faults.add({
      when: ({ inBatch }) => inBatch,
      times: 1,
      answer: instead(graphError(404, 'Request_ResourceNotFound')),
    });
    const first = await bench.run();
    expect(first.phase).toBe('Succeeded');
    expect(bench.live('users')).not.toContain(id);
    expect((await bench.run()).stream('users')).toMatchObject({ created: 1 });
    expect(bench.live('users')).toContain(id);
    expect((await bench.run()).stream('users')).toMatchObject({ created: 0, fetched: 0 });
  });

  test('takes entries that are repeated and replayed as one', async () => {
    await using bench = await loaded(60);
    const { directory } = bench.graph.tenant;
    Object.assign(bench.graph.quirks, {
      deltaPage: 3,
      deltaRepeats: true,
      deltaReplay: 5,
      emptyPageEvery: 3,
    });
    for (let index = 0; index < 10; index += 1)
      directory.update(at(bench, 'user', index).id, { officeLocation: `Z${index}` });
    expect((await bench.run()).stream('users')).toMatchObject({ updated: 10, created: 0 });
    expect((await bench.run()).stream('users')).toMatchObject({ updated: 0, created: 0 });
  });

  test('reads Intune anew, and believes its full listing', async () => {
    await using bench = await loaded(60);
    const { managedDevices } = bench.graph.tenant;
    const [first, second] = [...managedDevices];
    if (first === undefined || second === undefined) throw new Error('no managed devices');
    managedDevices.remove(first.id);
    judgeDevice(bench.graph.tenant, second.id, 'inGracePeriod');
    expect((await bench.run()).stream('managedDevices')).toMatchObject({
      mode: 'Full',
      updated: 1,
      deleted: 1,
      complete: true,
    });
  });
});

describe('a place to go on from that is lost', () => {
  test.each(['gone', 'syncStateNotFound', 'resyncRequired'] as const)(
    'is made good by a full reading, which finds what went meanwhile: %s',
    async (deltaExpiry) => {
      await using bench = await loaded(60);
      const { directory } = bench.graph.tenant;
      directory.remove(at(bench, 'user', 59).id);
      directory.update(at(bench, 'user', 2).id, { department: 'Elsewhere' });
      directory.remove(at(bench, 'device', 1).id);
      bench.graph.quirks.deltaExpiry = deltaExpiry;
      bench.graph.deltaTokens.expire();
      const status = await bench.run();
      expect(status.phase).toBe('Succeeded');
      expect(status.stream('users')).toMatchObject({
        ...{ mode: 'Full', fetched: 59, updated: 1, unchanged: 58, deleted: 1 },
      });
      expect(status.stream('users').evidence).toMatchObject({ rows: 59, counted: 59 });
      expect(status.stream('devices')).toMatchObject({ unchanged: 47, deleted: 1 });
      expect(status.stream('memberships')).toMatchObject({ complete: true, created: 0 });
      // And the next goes on from the new place.
      expect((await bench.run()).stream('users')).toMatchObject({ fetched: 0, complete: true });
    },
  );

  test('is not even asked for after seven days', async () => {
    await using bench = await loaded(30);
    bench.pass(8 * dayMs);
    const status = await bench.run();
    expect(status.phase).toBe('Succeeded');
    expect(status.stream('users')).toMatchObject({ fetched: 30, unchanged: 30 });
    const refused = bench.graph.requests.filter(({ status: answered }) => answered >= 400);
    expect(refused).toEqual([]);
  });
});

describe('a page token that ends', () => {
  const expired = instead(graphError(400, 'Directory_ExpiredPageToken', 'The token has expired.'));

  test('begins the listing anew, and proves no more than its last beginning', async () => {
    await using bench = await EntraBench.open({ users: 60 });
    bench.graph.quirks.pageSize = 20;
    bench.graph.faults.add({
      when: ({ resource, params }) => resource === '/users' && params.has('$skiptoken'),
      times: 1,
      answer: expired,
    });
    const status = await bench.run();
    expect(status.stream('users')).toMatchObject({ created: 60, unchanged: 20, fetched: 80, complete: true });
    expect(status.stream('users').evidence).toMatchObject({ rows: 60, counted: 60 });
  });

  test('makes a scope unverified that never comes to its end, and deletes nothing', async () => {
    await using bench = await loaded(60);
    bench.graph.quirks.pageSize = 20;
    bench.graph.faults.add({
      when: ({ resource, params }) => resource === '/users' && params.has('$skiptoken'),
      answer: expired,
    });
    const status = await bench.run({ mode: 'Full' });
    expect(status.phase).toBe('PartiallySucceeded');
    expect(status.stream('users')).toMatchObject({ complete: false, deleted: 0 });
    expect(status.unverifiedScopes?.[0]).toMatchObject({ stream: 'users', scope: 'users' });
    expect(bench.live('users')).toHaveLength(60);
  });

  test('begins a round of changes anew from the stored place', async () => {
    await using bench = await loaded(60);
    bench.graph.quirks.deltaPage = 4;
    const { directory } = bench.graph.tenant;
    for (let index = 0; index < 10; index += 1)
      directory.update(at(bench, 'user', index).id, { officeLocation: `Z${index}` });
    bench.graph.faults.add({
      when: ({ resource, params }) => resource === '/users/delta' && params.has('$skiptoken'),
      times: 1,
      answer: expired,
    });
    const status = await bench.run();
    expect(status.stream('users')).toMatchObject({ complete: true, mode: 'Incremental', updated: 10 });
  });
});

describe('a run that was stopped in the middle', () => {
  async function stopped(bench: EntraBench, mode: 'Incremental' | 'Full', stream: string): Promise<void> {
    const stop = new AbortController();
    const onPage = (name: string, pages: number) => {
      if (name === stream && pages === 2) stop.abort(new RunStop('shutdown', 'stopped'));
    };
    await expect(bench.run({ uid: 'x', mode, signal: stop.signal, onPage })).rejects.toThrow('stopped');
    bench.asked();
  }

  test('goes on in a listing behind the page that was stored last', async () => {
    await using bench = await EntraBench.open({ users: 100 });
    bench.graph.quirks.pageSize = 20;
    await stopped(bench, 'Full', 'users');
    const written = bench.live('users').length;
    expect(written).toBeGreaterThanOrEqual(40);
    expect(written).toBeLessThan(100);
    // In between somebody comes and somebody goes.
    const { directory } = bench.graph.tenant;
    const last = at(bench, 'user', 99);
    const { id } = directory.add('user', { displayName: 'Meanwhile' });
    directory.remove(last.id);
    const status = await bench.run({ uid: 'x', mode: 'Full', attempt: 2 });
    expect(status.phase).toBe('Succeeded');
    expect(status.stream('users')).toMatchObject({ fetched: 100, created: 100, complete: true });
    const asked = bench.asked();
    expect(asked).not.toContain('GET /users/$count');
    expect(bench.live('users')).toContain(id);
    expect(bench.live('users')).toHaveLength(100);
  });

  test('goes on in the first round of members', async () => {
    await using bench = await EntraBench.open({ users: 100, groups: 30 });
    bench.graph.quirks.deltaPage = 6;
    await stopped(bench, 'Full', 'memberships');
    const status = await bench.run({ uid: 'x', mode: 'Full', attempt: 2 });
    expect(status.phase).toBe('Succeeded');
    const expected = new Set(
      [...bench.graph.tenant.directory.objects.group].flatMap((group) =>
        [...bench.graph.tenant.directory.related('members', group.id)]
          .filter(({ type }) => type !== 'servicePrincipal')
          .map((member) => `${group.id}/${member.id}`),
      ),
    );
    expect(bench.live('memberships')).toEqual([...expected].toSorted());
  });

  test('goes on in a round of changes', async () => {
    await using bench = await loaded(100);
    bench.graph.quirks.deltaPage = 5;
    for (let index = 0; index < 30; index += 1)
      bench.graph.tenant.directory.update(at(bench, 'user', index).id, { officeLocation: `Z${index}` });
    await stopped(bench, 'Incremental', 'users');
    const status = await bench.run({ uid: 'x', attempt: 2 });
    expect(status.stream('users')).toMatchObject({ updated: 30, complete: true });
    const rows = bench.rows(`SELECT count(*) AS n FROM users WHERE location LIKE 'Z%'`);
    expect(rows).toEqual([{ n: 30 }]);
  });
});
