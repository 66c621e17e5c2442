// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { always, brokenEntry, garbage, hugeMessage, inTurn } from '../../simulators/ldap/behaviour.ts';
import { domain, domainDn, guidBytes, user } from '../../simulators/ldap/domain.ts';
import { fakeDirectory } from '../../simulators/ldap/server.ts';
import { waitFor } from '../../kit/wait.ts';
import { allUsers, kit, readAll } from './kit.ts';

const short = { idleTimeoutMs: 200, answerTimeoutMs: 500 };

describe('an answer that is', () => {
  it.each([
    ['silence', { type: 'silent' } as const, 'says nothing for 0.2 s'],
    ['a slow drip', { type: 'drip', everyMs: 20 } as const, 'takes longer than 0.5 s'],
  ])('%s does not hold a run, and is tried again', async (_, behaviour, words) => {
    await using server = await fakeDirectory({ entries: domain({ users: 50 }) });
    await using up = kit(server.url, {}, { ...short, maxRetries: 1 });
    const client = await up.connect();
    server.requests.length = 0;
    server.script = always('search', behaviour);
    await expect(readAll(client)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(words),
    });
    expect(server.asked('search')).toHaveLength(2);
    // The connection of an answer that was given up is not used again: what comes late would be taken for another.
    expect(server.asked('bind')).toHaveLength(1);
  });

  it.each([
    ['cut off amid an entry', { type: 'cut' } as const, 'closed the connection, amid an answer'],
    ['cut off between entries', { type: 'cut', afterBytes: 0 } as const, 'closed the connection'],
    ['reset', { type: 'reset' } as const, 'the connection broke (ECONNRESET)'],
  ])('%s is no shorter answer', async (_, behaviour, words) => {
    await using server = await fakeDirectory({ entries: domain({ users: 50 }) });
    await using up = kit(server.url, {}, { maxRetries: 0 });
    const client = await up.connect();
    server.script = always('search', behaviour);
    await expect(readAll(client)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(words),
    });
  });

  it.each([
    ['garbage', garbage, 'something that is no LDAP message'],
    ['an entry that reaches beyond its message', brokenEntry(3), 'a value that reaches beyond what holds it'],
    ['an answer to nobody', { type: 'bytes', bytes: reply(99, 0) } as const, 'an answer to no request'],
    [
      'a result without a code',
      { type: 'bytes', bytes: Buffer.from('30050201036500', 'hex') } as const,
      'no result code',
    ],
    [
      'a login amid a search',
      { type: 'bytes', bytes: reply(3, 0, 0x61) } as const,
      'an answer of another kind',
    ],
  ])('%s ends the connection, and the failure says what was found', async (_, behaviour, words) => {
    await using server = await fakeDirectory({ entries: domain({ users: 5 }) });
    await using up = kit(server.url, {}, short);
    const client = await up.connect();
    server.script = always('search', behaviour, 2);
    await expect(readAll(client)).rejects.toMatchObject({
      code: 'contract',
      message: expect.stringContaining(words),
    });
    await waitFor('the connection to be ended', () => server.openConnections === 0);
  });

  it('a message of 2 GB is refused by its first bytes', async () => {
    await using server = await fakeDirectory();
    await using up = kit(server.url, {}, { answerTimeoutMs: 60_000 });
    const client = await up.connect();
    server.script = always('search', hugeMessage, 2);
    await expect(readAll(client)).rejects.toMatchObject({
      code: 'contract',
      message: expect.stringContaining('2147483653 bytes'),
    });
    await waitFor('the connection to be ended', () => server.openConnections === 0);
  });

  it('a page above the bound is refused while it comes', async () => {
    const photo = Buffer.alloc(4 * 1024 * 1024);
    const entries = Array.from({ length: 20 }, (_, index) => user(index, { thumbnailPhoto: photo }));
    await using server = await fakeDirectory();
    server.script = inTurn('search', undefined, { type: 'page', entries, cookie: Buffer.alloc(0) });
    await using up = kit(server.url);
    const client = await up.connect();
    await expect(readAll(client, { ...allUsers, attributes: ['thumbnailPhoto'] })).rejects.toMatchObject({
      code: 'contract',
      message: expect.stringContaining('lower spec.limits.pageSize'),
    });
  });

  it('late and good all the same is read: silence is counted from the last byte', async () => {
    await using server = await fakeDirectory({ entries: domain({ users: 2 }) });
    await using up = kit(server.url, {}, { idleTimeoutMs: 300, answerTimeoutMs: 60_000 });
    const client = await up.connect();
    server.script = always('search', { type: 'drip', everyMs: 1 }, 2);
    expect((await readAll(client)).entries).toHaveLength(2);
  });
});

describe('a run that is stopped', () => {
  it('leaves a silent directory at once', async () => {
    await using server = await fakeDirectory();
    await using up = kit(server.url);
    const client = await up.connect();
    server.script = always('search', { type: 'silent' });
    const reading = readAll(client);
    await waitFor('the search', () => server.asked('search').length === 2);
    up.abort.abort(new Error('time is up'));
    await expect(reading).rejects.toMatchObject({ code: 'cancelled' });
    await waitFor('the connection to be ended', () => server.openConnections === 0);
  });

  it('makes no connection any more', async () => {
    await using server = await fakeDirectory();
    await using up = kit(server.url);
    up.abort.abort(new Error('time is up'));
    await expect(up.connect()).rejects.toMatchObject({ code: 'cancelled' });
    expect(server.requests).toHaveLength(0);
  });
});

describe('one object', () => {
  const search = { subject: 'user 1', filter: '(objectClass=*)', attributes: ['cn', 'objectGUID'] };

  it('is read by its DN or its GUID', async () => {
    await using server = await fakeDirectory({ entries: domain({ users: 3 }) });
    await using up = kit(server.url);
    const client = await up.connect();
    const entry = await client.one({ ...search, base: user(1).dn });
    expect(entry?.text('CN')).toBe('User 1');
    expect(entry?.first('objectguid')).toEqual(guidBytes(1, 1));
    const byGuid = await client.one({ ...search, base: '<GUID=01010101-0101-0101-0101-010101000000>' });
    expect(byGuid?.text('cn')).toBe('User 1');
  });

  it('that is not there is no failure', async () => {
    await using server = await fakeDirectory({ entries: domain({ users: 3 }) });
    await using up = kit(server.url);
    const client = await up.connect();
    expect(await client.one({ ...search, base: `CN=nobody,DC=other` })).toBeUndefined();
  });

  it('has values as text, as bytes where they are none, and nothing where nothing was given', async () => {
    const odd = { mail: Buffer.from([0xff, 0x41]), title: ['a', 'b'], 'title;lang-de': 'c' };
    const entries = [...domain({}), user(1, odd)];
    await using server = await fakeDirectory({ entries });
    await using up = kit(server.url);
    const client = await up.connect();
    const attributes = ['*'];
    const entry = await client.one({ ...search, base: user(1).dn, attributes });
    expect(entry?.first('mail')).toEqual(Buffer.from([0xff, 0x41]));
    expect(() => entry?.text('mail')).toThrow('attribute mail is no UTF-8 text');
    expect(entry?.values('title')).toEqual(['a', 'b']);
    expect(entry?.values('department')).toEqual([]);
    expect(entry?.text('department')).toBeUndefined();
    expect(entry?.values('title;lang-DE')).toEqual(['c']);
    expect(entry?.names).toEqual(expect.arrayContaining(['mail', 'title', 'title;lang-de', 'objectguid']));
  });
});

it('a base on another server shows where, and is not followed', async () => {
  await using elsewhere = await fakeDirectory();
  await using server = await fakeDirectory();
  const referrals = [`${elsewhere.url.href}/DC=other`];
  server.script = always('search', { type: 'result', result: { code: 10, referrals } }, 2);
  await using up = kit(server.url);
  await expect(readAll(await up.connect())).rejects.toMatchObject({
    code: 'configuration',
    message: expect.stringContaining(`${domainDn}: ${referrals[0] ?? ''}; it is not followed`),
  });
  expect(elsewhere.requests).toHaveLength(0);
});

function reply(id: number, code: number, tag = 0x65): Buffer {
  return Buffer.from([0x30, 12, 2, 1, id, tag, 7, 0x0a, 1, code, 4, 0, 4, 0]);
}
