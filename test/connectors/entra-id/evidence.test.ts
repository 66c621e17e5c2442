// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { serve } from '../../kit/serve.ts';
import {
  denied,
  endlessPages,
  foreignNextLink,
  garbageRows,
  instead,
  repeatedNextLink,
  rewritten,
} from '../../simulators/graph/faults.ts';
import { graphError } from '../../simulators/graph/reply.ts';
import type { GraphAsked } from '../../simulators/graph/world.ts';
import { EntraBench } from './bench.ts';

const users = ({ resource }: GraphAsked) => resource === '/users';

async function loaded(count = 60): Promise<EntraBench> {
  const bench = await EntraBench.open({ users: count });
  bench.graph.quirks.pageSize = 20;
  expect((await bench.run()).phase).toBe('Succeeded');
  bench.settle();
  return bench;
}

/** The listing leaves out some, as a replica or an index that is behind does. */
function without(ids: readonly string[]) {
  return rewritten((page) => ({
    ...page,
    value: (page['value'] as { id: string }[]).filter(({ id }) => !ids.includes(id)),
  }));
}

function idsOf(bench: EntraBench, count: number): string[] {
  return [...bench.graph.tenant.directory.objects.user].slice(0, count).map(({ id }) => id);
}

describe('what a full reading proves', () => {
  test('a listing that is shorter than the count deletes nothing', async () => {
    await using bench = await loaded();
    bench.graph.faults.add({ when: users, answer: without(idsOf(bench, 4)) });
    const status = await bench.run({ mode: 'Full' });
    expect(status.stream('users')).toMatchObject({ complete: false, deleted: 0 });
    expect(status.failure).toMatchObject({ code: 'contract' });
    expect(status.failure?.message).toMatch(
      /of 60 rows that the vendor counts in scope users 4 were not given/u,
    );
    expect(bench.live('users')).toHaveLength(60);
  });

  test('who was deleted while it was read is not missed', async () => {
    await using bench = await loaded();
    const [, , third = ''] = idsOf(bench, 60).toReversed();
    let deleted = false;
    const onPage = (stream: string) => {
      if (stream !== 'users' || deleted) return;
      deleted = true;
      bench.graph.tenant.directory.remove(third);
    };
    bench.graph.quirks.pageSize = 10;
    const status = await bench.run({ mode: 'Full', onPage });
    expect(status.stream('users').complete).toBe(true);
    expect(bench.live('users')).not.toContain(third);
  });

  test('an index that counts too little is no hindrance', async () => {
    await using bench = await loaded();
    const [gone = ''] = idsOf(bench, 1);
    bench.graph.tenant.directory.remove(gone);
    bench.graph.faults.add({
      when: ({ resource }) => resource === '/users/$count',
      answer: instead({ status: 200, headers: { 'content-type': 'text/plain' }, body: '3' }),
    });
    const status = await bench.run({ mode: 'Full' });
    expect(status.stream('users')).toMatchObject({ complete: true, deleted: 1 });
  });

  test('who is missing and is given by id lives', async () => {
    await using bench = await loaded();
    const missing = idsOf(bench, 3);
    bench.graph.faults.add({ when: users, answer: without(missing) });
    bench.graph.faults.add({
      when: ({ resource }) => resource === '/users/$count',
      answer: instead({ status: 200, headers: { 'content-type': 'text/plain' }, body: '57' }),
    });
    const status = await bench.run({ mode: 'Full' });
    expect(status.stream('users')).toMatchObject({ complete: true, deleted: 0 });
    expect(status.stream('users').evidence).toMatchObject({ probed: 3, present: 3, stated: 0 });
    expect(bench.live('users')).toHaveLength(60);
  });

  test('who is missing and is refused by id is hidden: the reading was not full, and nothing is deleted', async () => {
    await using bench = await loaded();
    const missing = idsOf(bench, 3);
    bench.graph.tenant.directory.remove(missing[0] ?? '');
    bench.settle();
    bench.graph.faults.add({ when: users, answer: without(missing) });
    bench.graph.faults.add({
      when: ({ resource }) => resource === '/users/$count',
      answer: instead({ status: 200, headers: { 'content-type': 'text/plain' }, body: '57' }),
    });
    bench.graph.faults.add({
      when: ({ inBatch, resource }) => inBatch && resource === `/users/${missing[1]}`,
      answer: denied(),
    });
    const status = await bench.run({ mode: 'Full' });
    expect(status.stream('users')).toMatchObject({ complete: false, deleted: 0 });
    expect(status.failure).toMatchObject({ code: 'permission' });
    expect(status.stream('users').evidence).toMatchObject({ probed: 3, present: 2 });
    expect(bench.live('users')).toContain(missing[1]);
    bench.graph.faults.clear();
    expect((await bench.run({ mode: 'Full' })).stream('users')).toMatchObject({ complete: true });
    expect(bench.live('users')).toHaveLength(59);
  });

  test('who is gone is stated by the list of deleted objects', async () => {
    await using bench = await loaded();
    const { directory } = bench.graph.tenant;
    const [soft = '', hard = ''] = idsOf(bench, 60).toReversed();
    directory.remove(soft);
    directory.remove(hard);
    directory.purge(hard);
    const status = await bench.run({ mode: 'Full' });
    // The one of which nothing is left is gone because the listing proves it.
    expect(status.stream('users').evidence).toMatchObject({ probed: 2, present: 0, stated: 1 });
    expect(status.stream('users').deleted).toBe(2);
  });

  test('an empty listing where people stand is not believed, even with a count of nought', async () => {
    await using bench = await loaded();
    bench.graph.faults.add({
      when: (asked) => users(asked) && asked.params.get('$count') !== 'true',
      answer: rewritten((page) => ({ ...page, value: [], '@odata.nextLink': undefined })),
    });
    bench.graph.faults.add({
      when: ({ resource }) => resource === '/users/$count',
      answer: instead({ status: 200, headers: { 'content-type': 'text/plain' }, body: '0' }),
    });
    const status = await bench.run({ mode: 'Full' });
    expect(status.failure).toMatchObject({ code: 'permission' });
    expect(status.stream('users').deleted).toBe(0);
    expect(bench.live('users')).toHaveLength(60);
  });

  test('a resync that gives nothing is not believed either', async () => {
    await using bench = await loaded();
    bench.graph.deltaTokens.expire();
    bench.graph.faults.add({
      when: (asked) => users(asked) || asked.resource === '/users/$count',
      answer: rewritten((page) => ({ ...page, value: [], '@odata.nextLink': undefined })),
    });
    const status = await bench.run();
    expect(status.stream('users')).toMatchObject({ complete: false, deleted: 0 });
    expect(bench.live('users')).toHaveLength(60);
  });

  test('a tenant that was really emptied is', async () => {
    await using bench = await loaded(20);
    for (const id of idsOf(bench, 20)) bench.graph.tenant.directory.remove(id);
    const status = await bench.run({ mode: 'Full' });
    expect(status.stream('users')).toMatchObject({ complete: true, deleted: 20 });
  });
});

describe('links that must not be followed', () => {
  test('to another host: the token stays at home, nothing is deleted', async () => {
    await using bench = await loaded();
    const seen: (string | undefined)[] = [];
    const { url, stop } = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.end('{}');
    });
    try {
      bench.graph.faults.add({ when: users, answer: foreignNextLink(url) });
      const status = await bench.run({ mode: 'Full' });
      expect(status.stream('users')).toMatchObject({ complete: false, deleted: 0 });
      expect(status.failure).toMatchObject({ code: 'contract' });
      expect(status.failure?.message).toContain('another origin');
      expect(seen).toEqual([]);
    } finally {
      await stop();
    }
  });

  test('to another host, given as the place to go on from', async () => {
    await using bench = await EntraBench.open({ users: 20 });
    bench.graph.faults.add({
      when: ({ resource, params }) => resource === '/users/delta' && params.has('$deltatoken'),
      times: 1,
      answer: rewritten((page) => ({ ...page, '@odata.deltaLink': 'https://elsewhere.example.com/v1.0/x' })),
    });
    expect((await bench.run()).phase).toBe('Succeeded');
    // It is no place to go on from: everything is read again.
    expect((await bench.run()).stream('users')).toMatchObject({ fetched: 20, complete: true });
    expect((await bench.run()).stream('users')).toMatchObject({ fetched: 0, complete: true });
  });

  test.each([
    ['round in a circle', repeatedNextLink],
    ['on to the same rows for ever', endlessPages],
  ])('%s', async (_, fault) => {
    await using bench = await loaded();
    bench.graph.faults.add({ when: users, answer: fault() });
    const status = await bench.run({ mode: 'Full' });
    expect(status.failure).toMatchObject({ code: 'contract' });
    expect(status.failure?.message).toContain('the pages go round in a circle');
    expect(status.stream('users')).toMatchObject({ complete: false, deleted: 0 });
    expect(bench.live('users')).toHaveLength(60);
  });
});

describe('rows that are none', () => {
  test('are set aside, and the others are read', async () => {
    await using bench = await EntraBench.open({ users: 60 });
    const odd = { id: 'ODD-1', displayName: 7, accountEnabled: 'yes' };
    bench.graph.faults.add({ when: users, times: 1, answer: garbageRows(odd) });
    bench.graph.faults.add({
      when: ({ resource }) => resource === '/deviceManagement/managedDevices',
      answer: garbageRows({ id: 'odd-2', complianceState: [] }),
    });
    const status = await bench.run();
    expect(status.phase).toBe('PartiallySucceeded');
    expect(status.stream('users')).toMatchObject({ created: 60, failed: 1, complete: true });
    expect(status.stream('managedDevices')).toMatchObject({ created: 39, failed: 1, complete: true });
    const kept = bench.rows('SELECT external_id, reason FROM quarantine ORDER BY external_id');
    expect(kept).toEqual([
      { external_id: 'odd-1', reason: expect.stringMatching(/^row\/\w+ must be/u) as string },
      { external_id: 'odd-2', reason: expect.stringMatching(/^row\/complianceState must be/u) as string },
    ]);
  });

  test.each([[null], ['text'], [{ displayName: 'Nobody' }], [{ id: 7 }], [[]]])(
    '%j has no id, so that nobody can say what was seen',
    async (odd) => {
      await using bench = await loaded();
      bench.graph.faults.add({ when: users, times: 1, answer: garbageRows(odd) });
      const status = await bench.run({ mode: 'Full' });
      expect(status.stream('users')).toMatchObject({ complete: false, deleted: 0 });
      expect(status.failure).toMatchObject({ code: 'contract' });
    },
  );
});

describe('a place to go on from', () => {
  test('is bound to what is asked for: another mapping reads everything', async () => {
    await using bench = await loaded();
    const mapping = { users: { 'attributes.kind': { from: 'employeeType' } } };
    bench.spec = { ...bench.spec, mapping };
    const [id = ''] = idsOf(bench, 1);
    bench.graph.tenant.directory.update(id, { employeeType: 'Contractor' });
    const status = await bench.run();
    expect(status.stream('users')).toMatchObject({ mode: 'Full', fetched: 60, updated: 1, unchanged: 59 });
    const [row] = bench.rows(`SELECT attributes FROM users WHERE external_id = '${id}'`);
    expect(JSON.parse(String(row?.['attributes']))).toMatchObject({ kind: 'Contractor' });
    // And a change of it is tracked.
    bench.graph.tenant.directory.update(id, { employeeType: 'Employee' });
    expect((await bench.run()).stream('users')).toMatchObject({ fetched: 1, updated: 1 });
  });

  test('that leads to no property is told by the field of the mapping', async () => {
    await using bench = await EntraBench.open({ users: 10 });
    bench.spec = { mapping: { users: { title: { from: 'noSuchProperty' } } } };
    const status = await bench.run();
    expect(status.stream('users').complete).toBe(false);
    expect(status.failure).toMatchObject({ code: 'configuration' });
    expect(status.failure?.message).toMatch(/spec\.mapping.*noSuchProperty/u);
  });

  test('is not taken from a page that ends without one', async () => {
    await using bench = await loaded();
    bench.graph.faults.add({
      when: ({ resource }) => resource === '/users/delta',
      answer: rewritten((page) => ({ ...page, '@odata.deltaLink': undefined })),
    });
    const status = await bench.run();
    expect(status.failure).toMatchObject({ code: 'contract' });
    expect(status.stream('users').complete).toBe(false);
  });

  test('refused for a reason of its own is no resync', async () => {
    await using bench = await loaded();
    bench.graph.faults.add({
      when: ({ resource }) => resource === '/users/delta',
      answer: instead(graphError(403, 'Authorization_RequestDenied', 'no')),
    });
    bench.asked();
    expect((await bench.run()).failure).toMatchObject({ code: 'permission' });
    expect(bench.asked()).not.toContain('GET /users');
  });
});

describe('mode Test', () => {
  test('tells tenant, permissions, certificate and each stream', async () => {
    await using bench = await EntraBench.open({ users: 30 });
    const { phase, checks } = await bench.run({ mode: 'Test' });
    expect(phase).toBe('Succeeded');
    expect(checks.map(({ name, result }) => `${name} ${result}`)).toEqual([
      'connection Passed',
      'tenant Passed',
      'permissions Passed',
      'certificate Passed',
      'clock Passed',
      'users Passed',
      'groups Passed',
      'memberships Passed',
      'devices Passed',
      'managedDevices Passed',
      'ssoApplications Passed',
    ]);
    const message = (name: string) => checks.find((check) => check.name === name)?.message;
    expect(message('tenant')).toBe(`Contoso, ${bench.graph.tenant.id}, cloud Global`);
    expect(message('users')).toBe('users: readable, 30 counted; signInActivity readable');
  });

  test.each([
    [{}, "Microsoft's own and those of machines are not read"],
    [{ microsoftApplications: true }, 'those of machines are not read'],
  ])('says of the applications what is counted and not read: %j', async (config, leftOut) => {
    await using bench = await EntraBench.open({ users: 5, servicePrincipals: 80 });
    bench.config = config;
    const { checks } = await bench.run({ mode: 'Test' });
    const message = checks.find(({ name }) => name === 'ssoApplications')?.message;
    expect(message).toBe(`servicePrincipals: readable, 82 counted, of which ${leftOut}`);
    const { created } = (await bench.run()).stream('ssoApplications');
    expect(created).toBeLessThan(82);
  });

  test('names what was not granted, before a run finds out', async () => {
    await using bench = await EntraBench.open({ users: 30 });
    bench.graph.roles.delete('Device.Read.All');
    bench.graph.roles.delete('Member.Read.Hidden');
    bench.graph.licences.premium = false;
    const { phase, checks } = await bench.run({ mode: 'Test' });
    expect(phase).not.toBe('Succeeded');
    const found = (name: string) => checks.find((check) => check.name === name);
    expect(found('permissions')).toMatchObject({
      result: 'Warning',
      message: 'not granted: Member.Read.Hidden, Device.Read.All; grant it, or leave out what needs it',
    });
    expect(found('devices')?.result).toBe('Failed');
    expect(found('users')).toMatchObject({ result: 'Passed' });
    expect(found('users')?.message).toContain('signInActivity not available');
  });

  test('names the right to see names where only roles are read', async () => {
    await using bench = await EntraBench.open({ users: 5 });
    const others = ['users', 'groups', 'memberships', 'devices', 'managedDevices', 'ssoApplications'];
    bench.config = { streams: Object.fromEntries(others.map((name) => [name, false])) };
    bench.spec = { roleMappings: [{ role: 'x', directoryRole: 'Global Reader' }] };
    bench.graph.roles.delete('User.Read.All');
    const { checks } = await bench.run({ mode: 'Test' });
    expect(checks.find(({ name }) => name === 'permissions')).toMatchObject({
      result: 'Warning',
      message: 'not granted: User.Read.All; grant it, or leave out what needs it',
    });
  });
});
