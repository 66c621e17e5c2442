// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { connect } from 'node:net';
import { BindRequest } from 'ldapts';
import { describe, expect, it } from 'vitest';
import { entryOf } from '../../../src/connector/ldap/entry.ts';
import { LdapConnection } from '../../../src/connector/ldap/connection.ts';
import { always, brokenEntry, garbage, hugeMessage, inTurn } from '../../simulators/ldap/behaviour.ts';
import { domain, domainDn, guidBytes, user } from '../../simulators/ldap/domain.ts';
import { fakeDirectory, syncAccount } from '../../simulators/ldap/server.ts';
import { resultMessage } from '../../simulators/ldap/wire.ts';
import { waitFor } from '../../kit/wait.ts';
import { allUsers, kit, readAll } from './kit.ts';

const none = Buffer.alloc(0);
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

  it('one reference of very many URLs is read, and does not end the process', async () => {
    await using server = await fakeDirectory();
    await using up = kit(server.url);
    const client = await up.connect();
    const bytes = (id: number) =>
      Buffer.concat([referenceOf(id, 400_000), resultMessage(id, 'search', { code: 0 }, { cookie: none })]);
    server.script = ({ operation, request }) =>
      operation === 'search' ? { type: 'bytes', bytes: bytes(request.id) } : undefined;
    let references = 0;
    for await (const page of client.pages(allUsers)) references += page.references.length;
    expect(references).toBe(400_000);
  });

  it.each([
    ['one message', [1_100_000]],
    ['many messages', [400_000, 400_000, 400_000]],
  ])('%s of more values than are read of a page is refused', async (_, counts) => {
    await using server = await fakeDirectory();
    await using up = kit(server.url);
    const client = await up.connect();
    server.script = ({ operation, request }) =>
      operation === 'search'
        ? { type: 'bytes', bytes: Buffer.concat(counts.map((count) => referenceOf(request.id, count))) }
        : undefined;
    await expect(readAll(client)).rejects.toMatchObject({
      code: 'contract',
      message: expect.stringMatching(/users .*more than 1000000 values.*lower spec\.limits\.pageSize/u),
    });
    await waitFor('the connection to be ended', () => server.openConnections === 0);
  });

  it('late and good all the same is read: silence is counted from the last byte', async () => {
    await using server = await fakeDirectory({ entries: domain({ users: 2 }) });
    await using up = kit(server.url, {}, { idleTimeoutMs: 300, answerTimeoutMs: 60_000 });
    const client = await up.connect();
    server.script = always('search', { type: 'drip', everyMs: 1 }, 2);
    expect((await readAll(client)).entries).toHaveLength(2);
  });
});

it('whatever goes wrong while an answer is taken in fails its request, and not the process', async () => {
  await using server = await fakeDirectory();
  const socket = connect(Number(server.url.port), '127.0.0.1');
  await once(socket, 'connect');
  const connection = new LdapConnection(socket, {
    ...{ host: server.url.host, urlField: 'spec.connector.x.urls', redact: (text: string) => text },
    ...{ silenceMs: 5_000, answerMs: 5_000, maxMessageBytes: 1_000, maxAnswerBytes: 1_000 },
    ...{ signal: new AbortController().signal, monotonicMs: () => 0 },
    ...{ onSent: () => undefined, onAnswered: () => undefined },
    onBytes: () => {
      throw new RangeError('Maximum call stack size exceeded');
    },
  });
  const { name: dn, password } = syncAccount;
  const bind = connection.exchange(
    'login',
    'bind',
    (messageId) => new BindRequest({ messageId, dn, password }),
  );
  await expect(bind).rejects.toMatchObject({
    code: 'internal',
    message: expect.stringMatching(/login: what .* sent could not be taken in \(RangeError\)/u),
  });
  expect(connection.usable).toBe(false);
});

it('an entry that gives one attribute very many times is read in time that grows with its length', () => {
  const attributes = Array.from({ length: 200_000 }, () => ({ type: 'cn', values: [Buffer.from('x')] }));
  const startedMs = performance.now();
  expect(entryOf({ dn: 'CN=x', attributes }, new Set()).values('cn')).toHaveLength(200_000);
  // Copied at each of them it takes minutes.
  expect(performance.now() - startedMs).toBeLessThan(10_000);
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

/** A continuation reference of so many empty URLs, two bytes each. */
function referenceOf(id: number, count: number): Buffer {
  const urls = Buffer.alloc(2 * count);
  for (let at = 0; at < urls.length; at += 2) urls[at] = 0x04;
  const element = (tag: number, content: Buffer) => {
    const header = Buffer.from([tag, 0x84, 0, 0, 0, 0]);
    header.writeUInt32BE(content.length, 2);
    return Buffer.concat([header, content]);
  };
  return element(0x30, Buffer.concat([Buffer.from([0x02, 0x01, id]), element(0x73, urls)]));
}
