// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { inTurn } from '../../simulators/ldap/behaviour.ts';
import { domain } from '../../simulators/ldap/domain.ts';
import { fakeDirectory, syncAccount } from '../../simulators/ldap/server.ts';
import { authority, kit, readAll, trustedTls } from './kit.ts';

const startTls = { startTls: true };
const trusting = { authorities: [authority.cert], maxRetries: 0 };
const localhost = (url: URL) => new URL(url.href.replace('127.0.0.1', 'localhost'));

describe('StartTLS', () => {
  it('comes before the login, on every connection', async () => {
    await using server = await fakeDirectory({ entries: domain({ users: 3 }), tls: trustedTls });
    await using up = kit(localhost(server.url), startTls, { ...trusting, maxRetries: 1 });
    const client = await up.connect();
    await readAll(client);
    server.dropConnections();
    await readAll(client);
    expect(server.requests.map(({ operation, secure }) => [operation, secure])).toEqual([
      ...[
        ['startTls', false] as const,
        ['bind', true] as const,
        ['search', true] as const,
        ['search', true] as const,
      ],
      ...[['startTls', false] as const, ['bind', true] as const, ['search', true] as const],
    ]);
  });

  it.each([
    [2, 'offers no StartTLS (2)', 'configuration'],
    [53, 'offers no StartTLS (53)', 'configuration'],
    [
      52,
      'not available (52, unavailable); a Windows controller without a certificate says so',
      'unavailable',
    ],
  ])('that is refused with %i sends no password', async (code, words, failure) => {
    await using server = await fakeDirectory({ tls: trustedTls });
    server.script = inTurn('startTls', { type: 'result', result: { code } });
    await using up = kit(localhost(server.url), startTls, trusting);
    await expect(up.connect()).rejects.toMatchObject({
      code: failure,
      message: expect.stringContaining(words),
    });
    expect(server.asked('bind')).toHaveLength(0);
  });

  it('whose certificate is not trusted sends no password', async () => {
    await using server = await fakeDirectory({ tls: trustedTls });
    await using up = kit(localhost(server.url), startTls, { maxRetries: 0 });
    await expect(up.connect()).rejects.toMatchObject({ message: expect.stringContaining('is not trusted') });
    expect(server.asked('bind')).toHaveLength(0);
  });

  it('whose certificate is not trusted is told to the owner, and not asked again', async () => {
    await using server = await fakeDirectory({ tls: trustedTls });
    await using up = kit(localhost(server.url), startTls, { maxRetries: 3 });
    await expect(up.connect()).rejects.toMatchObject({ audience: 'owner of the ExternalSystem' });
    expect(server.asked('startTls')).toHaveLength(1);
  });

  it('that closes the connection at the wrong port says so', async () => {
    await using server = await fakeDirectory({ tls: trustedTls });
    const byTls = new URL(server.url.href.replace('ldap:', 'ldaps:').replace('127.0.0.1', 'localhost'));
    await using up = kit([byTls], {}, { ...trusting, maxRetries: 0 });
    await expect(up.connect()).rejects.toMatchObject({
      message: expect.stringMatching(/the port may be the wrong one: ldaps:\/\/ needs the port for TLS/u),
    });
  });

  it('with more in the clear behind its answer is refused: it could be taken for an answer over TLS', async () => {
    await using server = await fakeDirectory({ tls: trustedTls });
    const success = Buffer.from('300c02010178070a010004000400', 'hex');
    const smuggled = Buffer.from('3002', 'hex');
    server.script = inTurn('startTls', { type: 'bytes', bytes: Buffer.concat([success, smuggled]) });
    await using up = kit(localhost(server.url), startTls, trusting);
    await expect(up.connect()).rejects.toMatchObject({
      code: 'contract',
      message: expect.stringContaining('sends more in the clear'),
    });
    expect(server.asked('bind')).toHaveLength(0);
  });

  it('after which the server goes on in the clear sends no password', async () => {
    await using server = await fakeDirectory({ tls: trustedTls });
    const success = Buffer.from('300c02010178070a010004000400', 'hex');
    server.script = inTurn('startTls', { type: 'bytes', bytes: success });
    await using up = kit(localhost(server.url), startTls, trusting);
    // A server that goes on in the clear takes the beginning of TLS for a broken message, and ends.
    await expect(up.connect()).rejects.toMatchObject({ code: 'unavailable' });
    expect(server.asked('bind')).toHaveLength(0);
  });
});

describe('LDAPS', () => {
  it('is spoken from the first byte', async () => {
    await using server = await fakeDirectory({ entries: domain({ users: 3 }), tls: trustedTls });
    await using up = kit(server.secureUrl, {}, trusting);
    expect((await readAll(await up.connect())).entries).toHaveLength(3);
    expect(server.requests.map(({ secure }) => secure)).not.toContain(false);
  });

  it('at a port that speaks plain LDAP says what is wrong, and sends no password', async () => {
    await using server = await fakeDirectory();
    await using up = kit(new URL(server.url.href.replace('ldap:', 'ldaps:')), {}, trusting);
    await expect(up.connect()).rejects.toMatchObject({ code: 'unavailable' });
    expect(
      server.requests.filter(({ request }) => JSON.stringify(request).includes(syncAccount.password)),
    ).toEqual([]);
  });
});

describe('a connection', () => {
  it('on which TLS never comes about does not hold a run', async () => {
    await using server = createServer();
    server.on('connection', (socket) => socket.resume());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const url = new URL(`ldaps://127.0.0.1:${port}`);
    await using up = kit(url, {}, { ...trusting, connectTimeoutMs: 200 });
    await expect(up.connect()).rejects.toMatchObject({
      code: 'unavailable',
      message: `connecting to 127.0.0.1:${port}: no connection within 0.2 s; check spec.connector.x.urls, and that a firewall lets it through`,
    });
  });

  it('to a name that leads into the own cluster is refused when it is looked up', async () => {
    await using server = await fakeDirectory();
    const addresses = { allowHttp: true, allowLoopback: false, remedy: 'use the flag' };
    // 127.0.0.1 as the resolver reads it, and no address to who reads the URL.
    await using up = kit(new URL(server.url.href.replace('127.0.0.1', '2130706433')), {}, { addresses });
    await expect(up.connect()).rejects.toMatchObject({
      code: 'configuration',
      message: '2130706433 resolves to 127.0.0.1, a loopback or link-local address; use the flag',
    });
    expect(server.openConnections).toBe(0);
  });

  it('to a host that is not there says which field names it', async () => {
    await using up = kit(new URL('ldaps://dc1.invalid'), {}, trusting);
    await expect(up.connect()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('dc1.invalid'),
    });
  });
});
