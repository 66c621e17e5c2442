// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allOf, atLeast, equals, hasBits, not, present } from '../../../src/connector/ldap/filter.ts';
import type { LdapOptions, LdapSearch } from '../../../src/connector/ldap/client.ts';
import { certificate } from '../../kit/certificate.ts';
import { accounts, guidOf, startSlapd, type Slapd } from '../../kit/slapd.ts';
import { authority, kit, readAll, trustedTls } from './kit.ts';

// A real directory server: what its protocol says is what the kit must understand.

const users = 1_250;
let slapd: Slapd;
let everybody: LdapSearch;

beforeAll(async () => {
  slapd = await startSlapd({ tls: trustedTls, users });
  everybody = {
    ...{ subject: 'users', base: slapd.base, scope: 'sub', filter: '(objectClass=user)' },
    ...{ attributes: ['cn', 'objectGUID'], pageSize: 200 },
  };
}, 60_000);
afterAll(() => slapd[Symbol.asyncDispose]());

const trusting = { authorities: [authority.cert], maxRetries: 1 };
const ways: readonly (readonly [string, () => Partial<LdapOptions>])[] = [
  ['LDAPS', () => ({ urls: [slapd.secureUrl] })],
  ['StartTLS', () => ({ urls: [slapd.url], startTls: true })],
];

describe.each(ways)('over %s', (_, way) => {
  it('reads every entry, with binary values', async () => {
    await using up = kit([], { ...accounts.sync, ...way() }, trusting);
    const { entries, pages } = await readAll(await up.connect(), everybody);
    expect(pages).toEqual([200, 200, 200, 200, 200, 200, 50]);
    const guids = new Set(entries.map((entry) => (entry.first('objectGUID') as Buffer).toString('hex')));
    expect(guids).toEqual(
      new Set(Array.from({ length: users }, (_, index) => guidOf(index).toString('hex'))),
    );
  });

  it('does not trust an authority that nobody named', async () => {
    await using up = kit([], { ...accounts.sync, ...way() }, { maxRetries: 0 });
    await expect(up.connect()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(
        /certificate of localhost:\d+ is not trusted \(UNABLE_TO_VERIFY_LEAF_SIGNATURE\)/u,
      ),
    });
  });

  it('does not trust another authority of the same name', async () => {
    const other = certificate(authority.name, { authority: true });
    await using up = kit([], { ...accounts.sync, ...way() }, { maxRetries: 0, authorities: [other.cert] });
    await expect(up.connect()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('is not trusted'),
    });
  });

  it('does not take a certificate for another name', async () => {
    const { urls = [], ...rest } = way();
    const byAddress = urls.map(({ href }) => new URL(href.replace('localhost', '127.0.0.1')));
    await using up = kit(byAddress, { ...accounts.sync, ...rest }, trusting);
    await expect(up.connect()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID'),
    });
  });

  it('binds anew after the server was restarted, and reads as before', async () => {
    await using up = kit([], { ...accounts.sync, ...way() }, { ...trusting, maxRetries: 5 });
    const client = await up.connect();
    expect((await readAll(client, everybody)).entries).toHaveLength(users);
    await slapd.restart();
    // Who is not bound sees nothing here.
    expect((await readAll(client, everybody)).entries).toHaveLength(users);
  });

  it('lets a search be given up, and goes on over the same connection', async () => {
    await using up = kit([], { ...accounts.sync, ...way() }, trusting);
    const client = await up.connect();
    for await (const { entries } of client.pages({ ...everybody, pageSize: 1 }))
      if (entries.length > 0) break;
    const before = up.usage.requests;
    await client.root();
    // Nothing but the question: no login.
    expect(up.usage.requests).toBe(before + 1);
  });

  it('says that a wrong password is wrong', async () => {
    await using up = kit([], { ...accounts.sync, ...way(), password: 'wrong' }, trusting);
    await expect(up.connect()).rejects.toMatchObject({
      code: 'credentials',
      message: expect.stringContaining('(49, invalidCredentials)'),
    });
    // StartTLS where there is one, the refused bind, and nothing more.
    expect(up.results.filter((status) => status === 'invalidCredentials')).toHaveLength(1);
  });
});

it('refuses a plain connection where that is not allowed, before anything is sent', async () => {
  const addresses = { allowHttp: false, allowLoopback: true, remedy: 'use ldaps' };
  await using up = kit(new URL('ldap://dc1.example.com'), accounts.sync, { addresses });
  await expect(up.connect()).rejects.toMatchObject({
    code: 'configuration',
    message:
      'spec.connector.x.urls: ldap://dc1.example.com:389 is neither ldaps nor made secure by startTls, so credentials would travel in the clear; use ldaps',
  });
});

it('reads nothing of a list that the size limit of the account cuts, paged as it is', async () => {
  await using up = kit(slapd.secureUrl, accounts.limited, trusting);
  const client = await up.connect();
  await expect(readAll(client, everybody)).rejects.toMatchObject({
    code: 'permission',
    message: expect.stringContaining('sizeLimitExceeded'),
  });
  // A list that fits is read by the same account.
  const few = { ...everybody, filter: atLeast('uSNChanged', BigInt(1_000 + users - 7)) };
  expect((await readAll(client, few)).entries).toHaveLength(7);
});

describe('a built filter', () => {
  it.each([
    ['bytes', () => equals('objectGUID', guidOf(7)), ['User 7']],
    ['text with what must be escaped in text', () => equals('cn', 'User *'), []],
    [
      'bits',
      () => allOf(hasBits('userAccountControl', 2), not(atLeast('uSNChanged', '1004'))),
      ['User 1', 'User 3'],
    ],
    ['presence', () => allOf(present('sAMAccountName'), equals('cn', 'User 5')), ['User 5']],
  ])('finds by %s', async (_, filter, found) => {
    await using up = kit(slapd.secureUrl, accounts.sync, trusting);
    const { entries } = await readAll(await up.connect(), { ...everybody, filter: filter() });
    expect(entries.map((entry) => entry.text('cn'))).toEqual(found);
  });
});

it('says which base is not there', async () => {
  await using up = kit(slapd.secureUrl, accounts.sync, trusting);
  const client = await up.connect();
  await expect(readAll(client, { ...everybody, base: `ou=gone,${slapd.base}` })).rejects.toMatchObject({
    code: 'configuration',
    message: expect.stringContaining(`ou=gone,${slapd.base}; the nearest that exists is ${slapd.base}`),
  });
});
