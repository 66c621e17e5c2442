// SPDX-License-Identifier: Apache-2.0
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { activeDirectory } from '../../../connectors/active-directory/index.ts';
import type { ExternalSystem } from '../../../src/api/resource.ts';
import { createRuntime } from '../../../src/cli/runtime.ts';
import type { Failure } from '../../../src/connector/failure.ts';
import { KnownLogins } from '../../../src/connector/ldap/logins.ts';
import type { Store } from '../../../src/store/port.ts';
import { system } from '../../kit/manifests.ts';
import { always, inTurn, refusedBind, type Behaviour } from '../../simulators/ldap/behaviour.ts';
import { domain, domainDn } from '../../simulators/ldap/domain.ts';
import { fakeDirectory, syncAccount } from '../../simulators/ldap/server.ts';
import { accountOn } from '../vendor.ts';
import { fastClock } from '../clocks.ts';
import { kit, readAll } from './kit.ts';

const failed = (code: number, text = ''): Behaviour => ({ type: 'result', result: { code, text } });

describe('a refusal of the credentials', () => {
  it('is tried exactly once in a run: on one server, with no retry, whoever asks again', async () => {
    await using first = await fakeDirectory();
    await using second = await fakeDirectory();
    first.script = always('bind', refusedBind('52e'));
    await using up = kit([first.url, second.url], {}, { maxRetries: 5 });
    const refusal = { code: 'credentials', message: expect.stringContaining('wrong user name or password') };
    await expect(up.connect()).rejects.toMatchObject(refusal);
    await expect(up.connect()).rejects.toMatchObject(refusal);
    expect(first.asked('bind')).toHaveLength(1);
    expect(second.requests).toHaveLength(0);
  });

  it('is tried once also by clients that log in at the same time', async () => {
    await using server = await fakeDirectory();
    server.script = always('bind', refusedBind('52e'));
    await using up = kit(server.url, {}, { maxRetries: 5, budget: accountOn(fastClock(), 4) });
    const logins = await Promise.allSettled([up.connect(), up.connect(), up.connect()]);
    expect(logins.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(server.asked('bind')).toHaveLength(1);
  });

  it('on a connection made anew is final too', async () => {
    await using server = await fakeDirectory({ entries: domain({ users: 3 }) });
    await using up = kit(server.url, {}, { maxRetries: 5 });
    const client = await up.connect();
    server.script = always('bind', refusedBind('775'), 2);
    server.dropConnections();
    await expect(readAll(client)).rejects.toMatchObject({ code: 'credentials' });
    await expect(readAll(client)).rejects.toMatchObject({ code: 'credentials' });
    expect(server.asked('bind')).toHaveLength(2);
  });

  it('tells no password, also when the server repeats it', async () => {
    await using server = await fakeDirectory();
    server.script = always('bind', failed(49, `no entry for ${syncAccount.password}`));
    const redact = (text: string) => text.replaceAll(syncAccount.password, '[redacted]');
    await using up = kit(server.url, {}, { redact });
    const failure = await up.connect().then(
      () => undefined,
      (error: Failure) => error,
    );
    expect(failure?.message).toContain('no entry for [redacted]');
    expect(JSON.stringify(failure)).not.toContain(syncAccount.password);
  });
});

describe('a login that gets no answer', () => {
  const cut: Behaviour = { type: 'cut', afterBytes: 0 };

  it('is sent once to each server in a run, since it may have counted', async () => {
    await using first = await fakeDirectory();
    await using second = await fakeDirectory();
    first.script = always('bind', cut);
    second.script = always('bind', cut);
    await using up = kit([first.url, second.url], {}, { maxRetries: 5 });
    const failure = {
      code: 'unavailable',
      message: expect.stringMatching(
        /no answer came to the login.*not sent to this server again in this run/u,
      ),
    };
    await expect(up.connect()).rejects.toMatchObject(failure);
    await expect(up.connect()).rejects.toMatchObject(failure);
    expect([first.asked('bind').length, second.asked('bind').length]).toEqual([1, 1]);
  });

  it('leaves the other server its retries', async () => {
    await using first = await fakeDirectory();
    await using second = await fakeDirectory();
    first.script = always('bind', cut);
    second.script = inTurn('bind', failed(52), failed(52));
    await using up = kit([first.url, second.url], {}, { maxRetries: 5 });
    expect((await up.connect()).url).toEqual(second.url);
    expect([first.asked('bind').length, second.asked('bind').length]).toEqual([1, 3]);
  });

  it('is sent again where the password was taken before: it is no wrong one', async () => {
    await using server = await fakeDirectory({ entries: domain({ users: 3 }) });
    await using up = kit(server.url, {}, { maxRetries: 3 });
    const client = await up.connect();
    server.requests.length = 0;
    server.script = inTurn('bind', cut, cut);
    server.dropConnections();
    expect((await readAll(client)).entries).toHaveLength(3);
    expect(server.asked('bind')).toHaveLength(3);
  });
});

describe('several systems of one account', () => {
  const wrong = { password: 'canary-wrong-7731' };

  it('send a wrong password once, also at the same time, and by another list of the same servers', async () => {
    await using server = await fakeDirectory();
    await using other = await fakeDirectory();
    const logins = new KnownLogins(() => 0);
    await using one = kit(server.url, wrong, { logins });
    await using two = kit([other.url, server.url], wrong, { logins });
    const refusals = await Promise.allSettled([one.connect(), one.connect(), two.connect()]);
    expect(refusals.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await using three = kit(server.url, { ...wrong, name: syncAccount.name.toUpperCase() }, { logins });
    await expect(three.connect()).rejects.toMatchObject({
      code: 'credentials',
      message: expect.stringMatching(
        /was refused less than 1 min ago.*not sent again for 31 min.*correct the Secret/u,
      ),
    });
    expect(server.asked('bind').length + other.asked('bind').length).toBe(1);
  });

  it('send the right one at once when the Secret is mended, and the wrong one when a directory has forgotten it', async () => {
    await using server = await fakeDirectory();
    let nowMs = 0;
    const logins = new KnownLogins(() => nowMs);
    const tried = async (given: object) => {
      await using up = kit(server.url, given, { logins });
      return up.connect().then(
        () => 'taken',
        () => server.asked('bind').length,
      );
    };
    expect(await tried(wrong)).toBe(1);
    expect(await tried({})).toBe('taken');
    nowMs = 31 * 60_000 - 1;
    expect(await tried(wrong)).toBe(2);
    nowMs += 1;
    expect(await tried(wrong)).toBe(3);
    expect(await tried(wrong)).toBe(3);
  });

  it('each hear of a refusal that is of the account and not of the password', async () => {
    await using server = await fakeDirectory();
    server.script = always('bind', refusedBind('533'));
    const logins = new KnownLogins(() => 0);
    for (const count of [1, 2]) {
      await using up = kit(server.url, {}, { logins });
      await expect(up.connect()).rejects.toMatchObject({ message: expect.stringContaining('disabled') });
      expect(server.asked('bind')).toHaveLength(count);
    }
  });

  it('are known without their password', async () => {
    await using server = await fakeDirectory();
    const logins = new KnownLogins(() => 0);
    await using up = kit(server.url, wrong, { logins });
    await expect(up.connect()).rejects.toMatchObject({ code: 'credentials' });
    expect(inspect(logins, { depth: Infinity, showHidden: true })).not.toContain(wrong.password);
  });

  it('share what is known of logins in one process', async () => {
    await using server = await fakeDirectory();
    const runtime = createRuntime({
      version: 'test',
      addresses: { allowHttp: true, allowLoopback: true, remedy: '' },
      onRequest: () => undefined,
    });
    for (const name of ['one', 'two', 'three']) {
      const deps = runtime.dependencies({
        ...{ system: directorySystem(name, server.url), connector: activeDirectory },
        readSecret: async () => ({ username: base64(syncAccount.name), password: base64(wrong.password) }),
        signal: new AbortController().signal,
        ...{ onConnected: () => undefined, onProgress: () => undefined },
        // Nothing is read.
        store: {} as Store,
      });
      const credentials = await deps.credentials();
      const run = {
        correlationId: name,
        credentials,
        signal: new AbortController().signal,
        remainingMs: () => 60_000,
      };
      const upstream = deps.upstream(run);
      const options = { urls: [server.url], startTls: false, binaryAttributes: [], urlField: 'urls' };
      const login = upstream.ldap({ ...options, ...wrong, name: syncAccount.name });
      await expect(login).rejects.toMatchObject({ code: 'credentials' });
      await upstream.close();
    }
    expect(server.asked('bind')).toHaveLength(1);
  });
});

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function directorySystem(name: string, url: URL): ExternalSystem {
  const connector = { activeDirectory: { urls: [url.href], baseDN: domainDn } };
  return system(name, { connector }, { namespace: 'inventory' }) as ExternalSystem;
}

describe('an empty', () => {
  it.each([
    ['password', { password: '' }, 'the password is empty'],
    ['name', { name: '' }, 'the user name is empty'],
  ])(
    '%s is refused before anything is sent, since the server would call it a success',
    async (_, given, words) => {
      await using server = await fakeDirectory();
      await using up = kit(server.url);
      await expect(up.connect(given)).rejects.toMatchObject({
        code: 'credentials',
        message: expect.stringContaining(words),
      });
      expect(server.requests).toHaveLength(0);
      expect(server.openConnections).toBe(0);
    },
  );
});

describe('a connection that was dropped', () => {
  it('while idle is made and bound anew before anything else', async () => {
    await using server = await fakeDirectory({ entries: domain({ users: 3 }) });
    await using up = kit(server.url);
    const client = await up.connect();
    server.requests.length = 0;
    server.dropConnections();
    expect((await readAll(client)).entries).toHaveLength(3);
    expect(server.requests.map(({ operation, boundAs }) => [operation, boundAs])).toEqual([
      ['bind', undefined],
      ['search', syncAccount.name],
    ]);
  });

  it('with words before it says so', async () => {
    await using server = await fakeDirectory({ entries: domain({ users: 3 }) });
    await using up = kit(server.url, {}, { maxRetries: 0 });
    const client = await up.connect();
    server.script = always('search', { type: 'farewell', result: { code: 52, text: 'shutting down' } });
    await expect(readAll(client)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('ends the connection (52, "shutting down")'),
    });
  });

  it('is not used as a guest: a server that says "bind first" gets a new connection', async () => {
    await using server = await fakeDirectory({ entries: domain({ users: 3 }) });
    await using up = kit(server.url);
    const client = await up.connect();
    server.requests.length = 0;
    server.script = inTurn('search', failed(1, '000004DC: LdapErr: a successful bind must be completed'));
    expect((await readAll(client)).entries).toHaveLength(3);
    expect(server.asked('bind')).toHaveLength(1);
    expect(server.asked('search').map(({ connection }) => connection)).toEqual([1, 2]);
  });

  it('is made once for all who wait for it', async () => {
    await using server = await fakeDirectory({ entries: domain({ users: 3 }) });
    await using up = kit(server.url);
    const client = await up.connect();
    server.dropConnections();
    const one = { subject: 'one', base: domainDn, filter: '(objectClass=*)', attributes: ['objectClass'] };
    await Promise.all([client.one(one), client.one(one), client.one(one)]);
    expect(server.asked('bind')).toHaveLength(2);
  });
});

describe('several servers', () => {
  it('are tried in order while connections fail, and the one that answered is kept to', async () => {
    await using down = await fakeDirectory();
    const { url } = down;
    await down.stop();
    await using second = await fakeDirectory({ entries: domain({ users: 3 }) });
    await using third = await fakeDirectory();
    await using up = kit([url, second.url, third.url]);
    const client = await up.connect();
    expect(client.url).toEqual(second.url);
    second.dropConnections();
    expect((await readAll(client)).entries).toHaveLength(3);
    expect(third.requests).toHaveLength(0);
  });

  it('that all fail are all named', async () => {
    await using first = await fakeDirectory();
    await using second = await fakeDirectory();
    const urls = [first.url, second.url];
    await first.stop();
    second.script = always('bind', failed(52));
    await using up = kit(urls, {}, { maxRetries: 1 });
    const failure = await up.connect().then(
      () => undefined,
      (error: Failure) => error,
    );
    expect(failure).toMatchObject({ code: 'unavailable' });
    for (const { host } of urls) expect(failure?.message).toContain(host);
    expect(second.asked('bind')).toHaveLength(2);
  });

  it('stay as they are when the one in use goes away for good: places mean nothing on another', async () => {
    await using first = await fakeDirectory();
    await using second = await fakeDirectory();
    await using up = kit([first.url, second.url], {}, { maxRetries: 1 });
    const client = await up.connect();
    await first.stop();
    await expect(readAll(client)).rejects.toMatchObject({ code: 'unavailable' });
    expect(second.requests).toHaveLength(0);
  });
});

describe('a directory that is', () => {
  it('busy is left alone by the whole account, and then answers', async () => {
    await using server = await fakeDirectory({ entries: domain({ users: 3 }) });
    const clock = fastClock();
    const budget = accountOn(clock);
    await using up = kit(server.url, {}, { clock, budget });
    const client = await up.connect();
    server.requests.length = 0;
    server.script = inTurn('search', failed(51), failed(51));
    expect((await readAll(client)).entries).toHaveLength(3);
    expect(clock.slept).toEqual(expect.arrayContaining([5_000, 10_000]));
    expect(up.usage.throttledMs).toBe(15_000);
  });

  it('not available is asked again, on the same connection and place', async () => {
    await using server = await fakeDirectory({ entries: domain({ users: 250 }) });
    await using up = kit(server.url);
    server.script = inTurn('search', undefined, failed(52));
    const { entries, starts } = await readAll(await up.connect());
    expect([entries.length, starts]).toEqual([250, 1]);
    expect(server.asked('bind')).toHaveLength(1);
  });

  it('out of work for good ends with a failure after the retries', async () => {
    await using server = await fakeDirectory();
    await using up = kit(server.url);
    server.script = always('search', failed(52));
    await expect(up.connect()).rejects.toMatchObject({ code: 'unavailable' });
    expect(server.asked('search')).toHaveLength(3);
  });
});

it('gives the clock of the directory to the comparison with ours, under the first URL', async () => {
  await using server = await fakeDirectory();
  server.clockOffsetMs = -3_600_000;
  const now = () => new Date();
  await using up = kit(server.url, {}, { now });
  await up.connect();
  const answer = up.clockOf(server.url.href.replace(/\/$/u, ''));
  expect(answer?.date.getTime()).toBeCloseTo(Date.now() - 3_600_000, -4);
});

it('closes with a goodbye, and is of no use afterwards', async () => {
  await using server = await fakeDirectory();
  await using up = kit(server.url);
  const client = await up.connect();
  await client.close();
  expect(server.asked('unbind')).toHaveLength(1);
  await expect(client.root()).rejects.toMatchObject({ code: 'internal' });
});

it('is closed with the run when the connector forgets it', async () => {
  await using server = await fakeDirectory();
  {
    await using up = kit(server.url);
    await up.connect();
  }
  expect(server.asked('unbind')).toHaveLength(1);
});
