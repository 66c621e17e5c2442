// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  hugePage,
  htmlPage,
  plain,
  redirect,
  resetAtOnce,
  resetMidBody,
  silence,
  slowDrip,
  truncated,
  type Answer,
} from './faults.ts';
import { GraphClient } from './graph-client.ts';
import {
  broken,
  denied,
  endlessPages,
  foreignNextLink,
  garbageRows,
  repeatedNextLink,
  throttled,
  unauthenticated,
  type GraphAnswer,
} from './graph/faults.ts';
import { plantSecrets } from './graph/secrets.ts';

let now: Date;
let client: GraphClient;

beforeEach(async () => {
  now = new Date('2026-03-02T10:00:00Z');
  client = await GraphClient.start({ now: () => now });
});
afterEach(() => client.stop());

const idsOf = (type: 'user' | 'group') =>
  [...client.graph.tenant.directory.objects[type]].map(({ id }) => id);
const item = (id: string, url: string, more: object = {}) => ({ id, method: 'GET', url, ...more });

interface ItemAnswer {
  readonly id: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

async function answersOf(...items: readonly object[]): Promise<ReadonlyMap<string, ItemAnswer>> {
  const { status, body } = await client.batch(items);
  expect(status).toBe(200);
  return new Map((body['responses'] as ItemAnswer[]).map((one) => [one.id, one]));
}

describe('a batch', () => {
  test('answers twenty items, in another order, each by its own status', async () => {
    const [first = '', second = ''] = idsOf('user');
    const items = Array.from({ length: 18 }, (_, index) => item(`n${index}`, `/users/${first}?$select=id`));
    const { status, body } = await client.batch([
      item('a', `/users/${second}/manager?$select=id`),
      item('b', '/users/nobody'),
      ...items,
    ]);
    expect(status).toBe(200);
    const answers = body['responses'] as ItemAnswer[];
    expect(answers).toHaveLength(20);
    expect(answers[0]?.id).not.toBe('a');
    const of = (id: string) => answers.find((one) => one.id === id);
    expect(of('a')).toMatchObject({ status: 200, body: { id: first } });
    expect(of('b')).toMatchObject({ status: 404, body: { error: { code: 'Request_ResourceNotFound' } } });
  });

  test('gives links to go on with outside of it, and heeds the headers of each item', async () => {
    const [all = ''] = idsOf('group');
    const count = item('2', '/users/$count', { headers: { ConsistencyLevel: 'eventual' } });
    const answers = await answersOf(
      item('1', `groups/${all}/members?$select=id&$top=5`),
      count,
      item('3', '/users/$count'),
    );
    const link = String(answers.get('1')?.body['@odata.nextLink']);
    expect((await client.all(link)).rows).toHaveLength(
      client.graph.tenant.directory.related('members', all).size - 5,
    );
    expect(answers.get('2')).toMatchObject({ status: 200, body: '60' });
    expect(answers.get('3')).toMatchObject({ status: 400 });
  });

  test('throttles its items one by one, and what depends on such an item fails with it', async () => {
    client.graph.faults.add({
      when: ({ inBatch, path }) => inBatch && path.endsWith('/groups'),
      times: 1,
      answer: throttled(7),
    });
    const items = [
      item('1', '/groups?$top=1'),
      item('2', '/users?$top=1'),
      item('3', '/users?$top=1', { dependsOn: ['1'] }),
    ];
    const answers = await answersOf(...items);
    expect(answers.get('1')).toMatchObject({ status: 429, headers: { 'Retry-After': '7' } });
    expect(answers.get('2')?.status).toBe(200);
    expect(answers.get('3')?.status).toBe(424);
    expect((await answersOf(...items)).get('3')?.status).toBe(200);
  });

  test('has no door for each item: a bad token refuses it whole, and a permission only its own items', async () => {
    client.graph.roles.delete('GroupMember.Read.All');
    const answers = await answersOf(item('1', '/groups'), item('2', '/users'));
    expect([answers.get('1')?.status, answers.get('2')?.status]).toEqual([403, 200]);
    client.graph.login.revoke();
    expect(await client.batch([item('1', '/users')])).toMatchObject({ status: 401 });
  });

  const users = Array.from({ length: 21 }, (_, index) => item(String(index), '/users'));
  test.each([
    ['more than twenty', users],
    ['nothing', []],
    ['no list', 'all'],
    ['an id twice', [item('1', '/users'), item('1', '/groups')]],
    ['no id', [{ method: 'GET', url: '/users' }]],
    ['no method', [{ id: '1', url: '/users' }]],
    ['no address', [{ id: '1', method: 'GET' }]],
    ['an address with a host', [item('1', 'http://127.0.0.1/v1.0/users')]],
    ['an address with the version', [item('1', '/v1.0/users')]],
  ])('of %s is refused as a whole', async (_, requests) => {
    expect(await client.batch(requests)).toMatchObject({ status: 400, code: 'BadRequest' });
  });
});

describe('the limits', () => {
  test.each([
    ['/users', 2],
    ['/users?$select=id', 1],
    ['/users?$select=id&$expand=manager', 2],
    ['/users?$top=5', 1],
    ['/groups', 1],
    ['/groups/ID/members', 3],
    ['/groups/ID/members?$select=id&$top=999', 2],
    ['/groups/ID/transitiveMembers', 5],
    ['/subscribedSkus', 3],
    ['/organization', 1],
  ])('%s costs %i', async (path, units) => {
    const { headers } = await client.get(path.replace('ID', idsOf('group')[0] ?? ''));
    expect(headers.get('x-ms-resource-unit')).toBe(String(units));
  });

  test('are told from four fifths on, refuse what is too much, and say how long to wait', async () => {
    client.graph.throttle.directory = { units: 5, seconds: 10 };
    const share = async () =>
      (await client.get('/groups?$top=50')).headers.get('x-ms-throttle-limit-percentage');
    expect([await share(), await share(), await share(), await share()]).toEqual([null, null, null, '0.80']);
    now = new Date(now.getTime() + 2_500);
    expect(await share()).toBe('1.00');
    const refused = await client.get('/groups');
    expect(refused).toMatchObject({ status: 429, code: 'TooManyRequests' });
    expect(refused.headers.get('retry-after')).toBe('7.5');
    expect((await client.get('/deviceManagement/managedDevices')).status).toBe(200);
    now = new Date(now.getTime() + 7_500);
    expect((await client.get('/groups')).status).toBe(200);
    client.graph.throttle.tellsWait = false;
    client.graph.throttle.directory = { units: 0, seconds: 10 };
    expect((await client.get('/groups')).headers.get('retry-after')).toBeNull();
  });

  test('charge each item of a batch', async () => {
    client.graph.throttle.directory = { units: 2, seconds: 10 };
    const answers = await answersOf(item('1', '/groups'), item('2', '/groups'), item('3', '/groups'));
    expect(['1', '2', '3'].map((id) => answers.get(id)?.status)).toEqual([200, 200, 429]);
  });
});

describe('faults on demand', () => {
  const add = (answer: GraphAnswer, times = 1) =>
    client.graph.faults.add({ when: ({ path }) => path === '/v1.0/users', times, answer });

  test.each<[string, GraphAnswer, number]>([
    ['a refused token', unauthenticated(), 401],
    ['a missing permission', denied(), 403],
    ['a limit with decimals', throttled(2.128), 429],
    ['a limit without a time', throttled(), 429],
    ['an error', broken(500), 500],
    ['an outage', broken(503), 503],
    ['an odd one', broken(509), 509],
    ['a page for people', htmlPage('Sorry'), 200],
    ['an empty body', plain(200), 200],
    ['another status', plain(404), 404],
  ])('%s comes once, and only where', async (_, answer, status) => {
    add(answer);
    expect((await client.get('/groups')).status).toBe(200);
    expect(await client.get('/users')).toMatchObject({ status, rows: [] });
    expect((await client.get('/users')).rows).toHaveLength(60);
    expect(client.graph.requests.map((request) => request.status)).toContain(status);
  });

  test.each<[string, GraphAnswer]>([
    ['broken at once', resetAtOnce()],
    ['broken in the body', resetMidBody('{"value":[')],
    ['cut short', truncated('{"value":[')],
  ])('a connection is %s', async (_, answer) => {
    add(answer);
    await expect(client.get('/users')).rejects.toThrow();
    expect((await client.get('/users')).rows).toHaveLength(60);
  });

  test.each<[string, Answer]>([
    ['that drips', slowDrip(5)],
    ['that never comes', silence()],
  ])('an answer %s has no end', async (_, answer) => {
    const { promise: arrived, resolve } = Promise.withResolvers<void>();
    const answerAndTell = (response: ServerResponse) => {
      answer(response);
      resolve();
    };
    add(answerAndTell);
    const waiting = new AbortController();
    const asked = client.get('/users', {}, { signal: waiting.signal });
    await arrived;
    expect((await client.get('/users')).rows).toHaveLength(60);
    expect(await Promise.race([asked, Promise.resolve('not yet')])).toBe('not yet');
    waiting.abort();
    await expect(asked).rejects.toThrow('aborted');
  });

  test('a page is huge, and an answer leads elsewhere', async () => {
    add(hugePage(3));
    expect(String((await client.get('/users')).body['text'])).toHaveLength(3 * 1024 * 1024);
    add(redirect('http://127.0.0.1:1/'));
    expect((await client.get('/users', {}, { redirect: 'manual' })).status).toBe(302);
  });

  test('pages have no end', async () => {
    add(endlessPages(), Infinity);
    const links = new Set<string>();
    for (let path = '/users'; links.size < 30; path = [...links].at(-1) ?? '') {
      const page = await client.get(path);
      expect(page.rows).toHaveLength(60);
      links.add(String(page.body['@odata.nextLink']));
    }
    expect(links.size).toBe(30);
  });

  test('links lead to themselves, or to another host', async () => {
    add(repeatedNextLink(), 2);
    const first = await client.get('/users?$select=id');
    const second = await client.get(String(first.body['@odata.nextLink']));
    expect(second.body['@odata.nextLink']).toBe(first.body['@odata.nextLink']);
    expect(second.rows).toEqual(first.rows);
    add(foreignNextLink('http://elsewhere.example'));
    expect((await client.get('/users')).body['@odata.nextLink']).toMatch(
      /^http:\/\/elsewhere\.example\/v1\.0\/users\?/u,
    );
  });

  test('rows are garbage among the usual ones', async () => {
    add(garbageRows(null, 42, { id: {} }));
    expect((await client.get('/users')).rows.slice(-4)).toEqual([
      expect.objectContaining({ id: idsOf('user').at(-1) }),
      null,
      42,
      { id: {} },
    ]);
  });

  test('what breaks at an item of a batch breaks the batch, and so does what is done to its page', async () => {
    const when = ({ inBatch }: { readonly inBatch: boolean }) => inBatch;
    client.graph.faults.add({ when, times: 1, answer: resetAtOnce() });
    await expect(client.batch([item('1', '/users')])).rejects.toThrow();
    client.graph.faults.add({ when, times: 1, answer: garbageRows(7) });
    const answers = await answersOf(item('1', '/users'));
    expect(answers.get('1')?.body['value']).toContain(7);
  });

  test('the token endpoint has them too', async () => {
    client.graph.faults.add({ when: ({ path }) => path.endsWith('/token'), times: 1, answer: broken(503) });
    expect((await client.grant()).status).toBe(503);
    expect((await client.grant()).status).toBe(200);
  });
});

test('planted secrets are in the tenant, come where they stand in what was asked for, and otherwise from a server that does not look', async () => {
  const planted = plantSecrets(client.graph.tenant);
  expect(planted.length).toBeGreaterThan(5);
  const everything = async (select: string) => {
    const paths = ['/users', '/servicePrincipals', '/deviceManagement/managedDevices'];
    const pages = await Promise.all(paths.map((path) => client.all(`${path}?$select=${select}`)));
    return JSON.stringify(pages.map(({ rows }) => rows));
  };
  const told = async (select: string) => {
    const text = await everything(select);
    return planted.filter((canary) => text.includes(canary));
  };
  expect(await told('id')).toEqual([]);
  client.graph.quirks.ignoresSelect = true;
  // The private half of a key never comes in a listing.
  expect(await told('id')).toEqual(planted.filter((canary) => !canary.includes('private-key')));
});
