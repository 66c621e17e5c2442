// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { audiences } from '../../../src/api/failure.ts';
import { broken, instead, throttled } from '../../simulators/graph/faults.ts';
import { graphError } from '../../simulators/graph/reply.ts';
import { EntraBench } from './bench.ts';

const streams = ['users', 'groups', 'memberships', 'devices', 'managedDevices', 'ssoApplications'];

async function loaded(users = 60): Promise<EntraBench> {
  const bench = await EntraBench.open({ users });
  expect((await bench.run()).phase).toBe('Succeeded');
  bench.asked();
  bench.settle();
  return bench;
}

function liveCounts(bench: EntraBench) {
  return bench.rows(
    `SELECT (SELECT count(*) FROM users WHERE deleted_at IS NULL) AS users,
       (SELECT count(*) FROM groups WHERE deleted_at IS NULL) AS groups,
       (SELECT count(*) FROM memberships WHERE deleted_at IS NULL) AS memberships,
       (SELECT count(*) FROM devices WHERE deleted_at IS NULL) AS devices,
       (SELECT count(*) FROM sso_applications WHERE deleted_at IS NULL) AS applications`,
  )[0];
}

describe('a permission that is missing', () => {
  test.each([
    ['User.Read.All', ['users']],
    ['GroupMember.Read.All', ['groups', 'memberships']],
    ['Device.Read.All', ['devices']],
    ['DeviceManagementManagedDevices.Read.All', ['managedDevices']],
    ['Application.Read.All', ['ssoApplications']],
  ])('%s: %j are incomplete, the others are read, nothing is deleted', async (permission, without) => {
    await using bench = await loaded();
    const before = liveCounts(bench);
    bench.graph.roles.delete(permission);
    const asked = await bench.run({ mode: 'Test' });
    expect(asked.failure).toMatchObject({ code: 'permission', audience: audiences.administrator });
    for (const mode of ['Incremental', 'Full'] as const) {
      const status = await bench.run({ mode });
      expect(status).toMatchObject({ phase: 'PartiallySucceeded', failure: { code: 'permission' } });
      expect(status.failure?.audience).toBe(audiences.administrator);
      expect(status.failure?.message).toContain(`needs ${permission}`);
      for (const name of streams)
        expect([name, status.stream(name).complete]).toEqual([name, !without.includes(name)]);
      expect(status.totals?.deleted).toBe(0);
      expect(liveCounts(bench)).toEqual(before);
    }
    bench.graph.roles.add(permission);
    expect((await bench.run({ mode: 'Full' })).phase).toBe('Succeeded');
    expect(liveCounts(bench)).toEqual(before);
  });

  test.each(['Test', 'Full'] as const)(
    'of an application that is not installed is for its administrator, also in mode %s',
    async (mode) => {
      await using bench = await loaded();
      bench.graph.faults.add({
        when: ({ resource }) => resource === '/users',
        times: 9,
        answer: instead(graphError(401, 'Authorization_IdentityNotFound', 'not here')),
      });
      const { failure } = await bench.run({ mode });
      expect(failure).toMatchObject({ code: 'credentials', audience: audiences.administrator });
    },
  );

  test('for the organization matters only where the tenant is named by a domain', async () => {
    await using bench = await EntraBench.open({ users: 10 });
    bench.graph.roles.delete('Organization.Read.All');
    expect((await bench.run()).phase).toBe('Succeeded');
    bench.config = { tenantId: 'contoso.example' };
    const status = await bench.run();
    expect(status).toMatchObject({ phase: 'Failed', failure: { code: 'permission' } });
    expect(status.failure?.message).toMatch(/Organization\.Read\.All.*tenantId to the id of the tenant/u);
  });
});

describe('a tenant that has not bought a part', () => {
  test('Intune: its stream says so, the devices stay', async () => {
    await using bench = await loaded();
    bench.graph.licences.intune = false;
    const status = await bench.run({ mode: 'Full' });
    expect(status).toMatchObject({ phase: 'PartiallySucceeded', failure: { code: 'permission' } });
    expect(status.failure?.message).toMatch(/the tenant has no Intune; set .*managedDevices: false/u);
    expect(status.stream('managedDevices')).toMatchObject({ complete: false, deleted: 0 });
    expect(status.stream('users').complete).toBe(true);
    expect(bench.live('devices', 'managedDevices')).toHaveLength(40 - 1);
  });

  test('Intune, left out: the run succeeds, and the rows are withdrawn', async () => {
    await using bench = await loaded();
    bench.graph.licences.intune = false;
    bench.config = { streams: { managedDevices: false } };
    expect((await bench.run({ mode: 'Full' })).phase).toBe('Succeeded');
    const [row] = bench.rows(
      `SELECT count(*) AS n FROM devices WHERE stream = 'managedDevices' AND withdrawn_at IS NOT NULL`,
    );
    expect(row?.['n']).toBe(39);
  });

  test('Premium: users are read without their last sign-in', async () => {
    await using bench = await EntraBench.open({ users: 30 });
    bench.graph.licences.premium = false;
    const status = await bench.run();
    expect(status.phase).toBe('Succeeded');
    expect(status.stream('users')).toMatchObject({ created: 30, complete: true });
    expect(bench.rows('SELECT count(*) AS n FROM users WHERE last_login_at IS NOT NULL')).toEqual([{ n: 0 }]);
  });

  test('Premium, lost later: what is known of last sign-ins stays, and no user looks changed', async () => {
    await using bench = await loaded();
    const sql = 'SELECT external_id, last_login_at FROM users ORDER BY 1';
    const before = bench.rows(sql);
    expect(before.filter(({ last_login_at: time }) => time !== null)).toHaveLength(60);
    bench.graph.licences.premium = false;
    const status = await bench.run({ mode: 'Full' });
    expect(status.phase).toBe('Succeeded');
    expect(status.stream('users')).toMatchObject({ unchanged: 60, updated: 0, complete: true });
    expect(bench.rows(sql)).toEqual(before);
    const [user] = [...bench.graph.tenant.directory.objects.user];
    bench.graph.tenant.directory.update(user?.id ?? '', { department: 'Moved' });
    expect((await bench.run()).stream('users')).toMatchObject({ updated: 1 });
    expect(bench.rows(sql)).toEqual(before);
    const [evidence] = bench.rows(`SELECT evidence FROM pass_scopes WHERE evidence LIKE '%not available%'`);
    expect(evidence).toBeDefined();
  });

  test('Premium, refused in the middle of a listing: it begins anew without', async () => {
    await using bench = await EntraBench.open({ users: 60 });
    bench.graph.quirks.pageSize = 20;
    const refusal = graphError(403, 'Authentication_RequestFromNonPremiumTenantOrB2CTenant', 'no licence');
    bench.graph.faults.add({
      when: ({ resource, params }) => resource === '/users' && params.has('$skiptoken'),
      times: 1,
      answer: instead(refusal),
    });
    const status = await bench.run();
    expect(status.stream('users')).toMatchObject({ complete: true, created: 60 });
    expect(status.stream('users').evidence).toMatchObject({ rows: 60, counted: 60 });
  });

  test('signInActivity: false does not even ask', async () => {
    await using bench = await EntraBench.open({ users: 10 });
    bench.graph.licences.premium = false;
    bench.config = { signInActivity: false };
    expect((await bench.run()).phase).toBe('Succeeded');
    expect(bench.graph.requests.filter(({ status }) => status >= 400)).toEqual([]);
  });
});

describe('a tenant without delta queries and counts', () => {
  test('is listed by every run', async () => {
    await using bench = await EntraBench.open({ users: 30 });
    bench.config = { streams: { memberships: false } };
    bench.graph.faults.add({
      when: ({ resource }) => resource.endsWith('/delta') || resource.endsWith('/$count'),
      answer: instead(graphError(400, 'Request_UnsupportedQuery', 'Not supported in this tenant.')),
    });
    for (const created of [30, 0]) {
      const status = await bench.run();
      expect(status.phase).toBe('Succeeded');
      expect(status.stream('users')).toMatchObject({ mode: 'Full', fetched: 30, created, complete: true });
    }
  });
});

describe('a service that is unwell', () => {
  test('Intune alone is away: the others are read', async () => {
    await using bench = await loaded();
    bench.graph.faults.add({
      when: ({ resource }) => resource.startsWith('/deviceManagement'),
      answer: broken(503),
    });
    const status = await bench.run();
    expect(status.stream('managedDevices')).toMatchObject({ complete: false, deleted: 0 });
    expect(status.stream('ssoApplications').complete).toBe(true);
    expect(status.phase).toBe('PartiallySucceeded');
  });

  test('the directory is away: the run ends, and the streams behind are not asked', async () => {
    await using bench = await loaded();
    bench.graph.faults.add({ when: ({ resource }) => resource.startsWith('/groups'), answer: broken(500) });
    const status = await bench.run();
    expect(status).toMatchObject({ phase: 'Failed', failure: { code: 'unavailable' } });
    expect(status.stream('devices').incompleteReason).toBe('not reached: unavailable');
  });

  test('a listing is throttled: Retry-After is obeyed to its decimals', async () => {
    await using bench = await loaded();
    bench.graph.faults.add({
      when: ({ resource }) => resource === '/users/delta',
      times: 1,
      answer: throttled(2.128),
    });
    bench.sleeps.length = 0;
    expect((await bench.run()).phase).toBe('Succeeded');
    expect(bench.sleeps.some((ms) => ms >= 2128 && ms < 2200)).toBe(true);
  });

  test('509 is a limit too', async () => {
    await using bench = await loaded();
    bench.graph.faults.add({ when: ({ resource }) => resource === '/users/delta', answer: broken(509) });
    bench.maxRetries = 1;
    expect((await bench.run()).failure).toMatchObject({ code: 'throttled' });
  });
});

describe('a batch of which some items are refused', () => {
  async function changed(count: number): Promise<EntraBench> {
    const bench = await loaded();
    for (const { id } of [...bench.graph.tenant.directory.objects.user].slice(0, count))
      bench.graph.tenant.directory.update(id, { officeLocation: 'Roof' });
    return bench;
  }
  const roofs = (bench: EntraBench) => bench.rows(`SELECT count(*) AS n FROM users WHERE location = 'Roof'`);

  test('is sent again with those alone, after the longest wait', async () => {
    await using bench = await changed(25);
    const items: string[] = [];
    bench.graph.faults.add({
      when: ({ inBatch, resource }) => {
        if (inBatch) items.push(resource);
        return false;
      },
      answer: throttled(),
    });
    bench.graph.faults.add({ when: ({ inBatch }) => inBatch, times: 2, answer: throttled(1.5) });
    bench.graph.faults.add({ when: ({ inBatch }) => inBatch, times: 1, answer: throttled(7) });
    bench.sleeps.length = 0;
    const status = await bench.run();
    expect(status.phase).toBe('Succeeded');
    expect(status.stream('users')).toMatchObject({ updated: 25 });
    expect(roofs(bench)).toEqual([{ n: 25 }]);
    // 20 and 5, and 3 of the first again.
    expect(items).toHaveLength(28);
    expect(new Set(items).size).toBe(25);
    expect(bench.asked().filter((request) => request === 'POST /$batch')).toHaveLength(3);
    expect(Math.max(...bench.sleeps)).toBeGreaterThanOrEqual(7000);
    expect(Math.max(...bench.sleeps)).toBeLessThan(7100);
  });

  test('is sent again where an item failed', async () => {
    await using bench = await changed(5);
    bench.graph.faults.add({ when: ({ inBatch }) => inBatch, times: 2, answer: broken(504) });
    expect((await bench.run()).stream('users')).toMatchObject({ updated: 5 });
  });

  test('that stays throttled changes nothing of what is asked for next time', async () => {
    await using bench = await changed(5);
    bench.graph.faults.add({ when: ({ inBatch }) => inBatch, answer: throttled(1) });
    expect((await bench.run()).failure).toMatchObject({ code: 'throttled' });
    bench.graph.faults.clear();
    expect((await bench.run()).stream('users')).toMatchObject({ updated: 5, complete: true });
  });
});
