// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { always, inTurn, lostCookie, type Behaviour } from '../../simulators/ldap/behaviour.ts';
import { domain, domainRoot, user } from '../../simulators/ldap/domain.ts';
import { fakeDirectory } from '../../simulators/ldap/server.ts';
import { allUsers, kit, readAll } from './kit.ts';

// The first search of a client is that of the rootDSE.
const fresh = (entries: number, cookie = randomBytes(8)): Behaviour => ({
  type: 'page',
  entries: Array.from({ length: entries }, (_, index) => user(10_000 + index)),
  cookie,
});

describe('a paged search', () => {
  it('gives every entry once, page by page, with no limit of its own', async () => {
    await using server = await fakeDirectory({ entries: domain({ users: 250, computers: 3, groups: [2] }) });
    await using up = kit(server.url);
    const client = await up.connect();
    const { entries, pages, starts } = await readAll(client);
    expect(new Set(entries.map(({ dn }) => dn)).size).toBe(250);
    expect({ pages, starts }).toEqual({ pages: [100, 100, 50], starts: 1 });
    const searches = server.asked('search').map(({ request }) => request);
    expect(searches).toHaveLength(4);
    for (const request of searches) expect(request).toMatchObject({ sizeLimit: 0, timeLimit: 0 });
    // bind, rootDSE, three pages
    expect(up.usage.requests).toBe(5);
    expect(up.results).toEqual(['success', 'success', 'success', 'success', 'success']);
    expect(up.usage.bytes).toBeGreaterThan(250 * 40);
  });

  it('that is not gone on with is given up: the server keeps no place of it, and the connection goes on', async () => {
    await using server = await fakeDirectory({ entries: domain({ users: 250 }) });
    await using up = kit(server.url);
    const client = await up.connect();
    for await (const { entries } of client.pages({ ...allUsers, pageSize: 1 })) {
      expect(server.openPlaces).toBe(1);
      if (entries.length > 0) break;
    }
    expect(server.openPlaces).toBe(0);
    expect((await readAll(client)).entries).toHaveLength(250);
    expect(server.asked('bind')).toHaveLength(1);
  });

  it('that a server does not let be given up ends its connection', async () => {
    await using server = await fakeDirectory({ entries: domain({ users: 250 }) });
    server.script = ({ operation, request }) =>
      operation === 'search' && request.operation === 'search' && request.pageSize === 0
        ? { type: 'result', result: { code: 53, text: '' } }
        : undefined;
    await using up = kit(server.url);
    const client = await up.connect();
    for await (const { entries } of client.pages(allUsers)) if (entries.length > 0) break;
    expect((await readAll(client)).entries).toHaveLength(250);
    expect(server.asked('bind')).toHaveLength(2);
  });

  it('goes on where the server cuts pages shorter than asked', async () => {
    await using server = await fakeDirectory({ entries: domain({ users: 25 }) });
    server.directory.limits = { maxPageSize: 10, maxValRange: 1500 };
    await using up = kit(server.url);
    expect((await readAll(await up.connect())).pages).toEqual([10, 10, 5]);
  });

  it('does not take an empty page for the end while there is a cookie', async () => {
    await using server = await fakeDirectory();
    server.script = inTurn('search', undefined, fresh(2), fresh(0), fresh(0), fresh(1, Buffer.alloc(0)));
    await using up = kit(server.url);
    expect((await readAll(await up.connect())).pages).toEqual([2, 0, 0, 1]);
  });

  it('takes an empty page with an empty cookie for the end', async () => {
    await using server = await fakeDirectory({ entries: domain({}) });
    await using up = kit(server.url);
    expect((await readAll(await up.connect())).pages).toEqual([0]);
  });

  it('fails when the answer does not say whether more follows', async () => {
    await using server = await fakeDirectory();
    server.script = inTurn('search', undefined, fresh(2), { type: 'page', entries: [user(1)] });
    await using up = kit(server.url);
    await expect(readAll(await up.connect())).rejects.toMatchObject({
      code: 'contract',
      message: expect.stringContaining('does not tell whether more follows'),
    });
  });

  it('is refused where the server does not offer paging, before anything is read', async () => {
    await using server = await fakeDirectory({ root: { ...domainRoot(), supportedControl: ['1.2.3'] } });
    await using up = kit(server.url);
    const client = await up.connect();
    await expect(readAll(client)).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('does not offer the control paged results (1.2.840.113556.1.4.319)'),
    });
    expect(server.asked('search')).toHaveLength(1);
  });

  it('is refused where the server does not offer a control that is asked for', async () => {
    const root = { ...domainRoot(), supportedControl: ['1.2.840.113556.1.4.319'] };
    await using server = await fakeDirectory({ root });
    await using up = kit(server.url);
    await expect(
      readAll(await up.connect(), { ...allUsers, controls: ['showDeleted'] }),
    ).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('does not offer the control showDeleted'),
    });
  });
});

describe('a place that is lost', () => {
  it.each([
    ['12', lostCookie],
    ['53', { type: 'result', result: { code: 53 } } as const],
  ])('with result %s begins anew from the first entry', async (_, behaviour) => {
    await using server = await fakeDirectory({ entries: domain({ users: 250 }) });
    server.script = inTurn('search', undefined, undefined, behaviour);
    await using up = kit(server.url);
    const { entries, pages, starts } = await readAll(await up.connect());
    expect({ pages, starts }).toEqual({ pages: [100, 100, 100, 50], starts: 2 });
    expect(new Set(entries.map(({ dn }) => dn)).size).toBe(250);
  });

  it('with the connection begins anew on a new one that is bound', async () => {
    await using server = await fakeDirectory({ entries: domain({ users: 250 }) });
    server.script = inTurn('search', undefined, undefined, { type: 'reset' });
    await using up = kit(server.url);
    const { entries, starts } = await readAll(await up.connect());
    expect(new Set(entries.map(({ dn }) => dn)).size).toBe(250);
    expect(starts).toBe(2);
    expect(server.asked('bind')).toHaveLength(2);
    expect(server.asked('search').map(({ boundAs }) => boundAs)).not.toContain(undefined);
    // What a server makes of a cookie that it gave on another connection is its own affair: none is sent.
    const again = server.asked('search').find(({ connection }) => connection === 2);
    expect(again?.request).toMatchObject({ pageSize: 100, cookie: Buffer.alloc(0) });
  });

  it('again and again is no complete list', async () => {
    await using server = await fakeDirectory({ entries: domain({ users: 250 }) });
    server.script = ({ operation, request }) =>
      operation === 'search' && request.operation === 'search' && request.cookie.length > 0
        ? lostCookie
        : undefined;
    await using up = kit(server.url, {}, { maxRetries: 20 });
    await expect(readAll(await up.connect())).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('the place in the list was lost 4 times'),
    });
  });

  it('means something else on a first page: the control is refused', async () => {
    await using server = await fakeDirectory();
    server.script = inTurn('search', undefined, lostCookie);
    await using up = kit(server.url);
    await expect(readAll(await up.connect())).rejects.toMatchObject({ code: 'contract' });
    expect(server.asked('search')).toHaveLength(2);
  });
});

describe('a search without an end', () => {
  it.each<[string, (nth: number) => Behaviour, string]>([
    ['a page that comes again', () => fresh(3), 'a page that came before'],
    [
      'a circle of pages',
      (nth) => ({ ...fresh(0), type: 'page', entries: [user(nth % 7)] }),
      'a page that came before',
    ],
    ['empty pages with one cookie', () => fresh(0, Buffer.from('same')), '1000 empty pages in a row'],
    ['empty pages with ever new cookies', () => fresh(0), '1000 empty pages in a row'],
  ])('is found out: %s', async (_, page, found) => {
    await using server = await fakeDirectory();
    server.script = ({ operation, nth }) => (operation === 'search' && nth > 1 ? page(nth) : undefined);
    await using up = kit(server.url);
    await expect(readAll(await up.connect())).rejects.toMatchObject({
      code: 'contract',
      message: expect.stringContaining(`does not come to an end: ${found}`),
    });
  });

  it('is none where one cookie stays and the pages differ, as Samba does', async () => {
    await using server = await fakeDirectory();
    const cookie = Buffer.from('7');
    server.script = ({ operation, nth }) => {
      if (operation !== 'search' || nth === 1) return undefined;
      return { type: 'page', entries: [user(nth)], cookie: nth < 40 ? cookie : Buffer.alloc(0) };
    };
    await using up = kit(server.url);
    expect((await readAll(await up.connect())).entries).toHaveLength(39);
  });
});

it('never reads a list that was cut as a whole one', async () => {
  await using server = await fakeDirectory({ entries: domain({ users: 250 }) });
  server.script = always('search', { type: 'result', result: { code: 4 } }, 3);
  await using up = kit(server.url);
  await expect(readAll(await up.connect())).rejects.toMatchObject({
    code: 'permission',
    message: expect.stringContaining('sizeLimitExceeded'),
  });
});

it('tells of other servers and does not go there', async () => {
  await using elsewhere = await fakeDirectory();
  await using server = await fakeDirectory({ entries: domain({ users: 3 }) });
  server.references = [`${elsewhere.url.href}/DC=child`];
  await using up = kit(server.url);
  const client = await up.connect();
  for await (const page of client.pages(allUsers)) expect(page.references).toEqual(server.references);
  expect(elsewhere.requests).toHaveLength(0);
});
