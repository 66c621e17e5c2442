// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startServiceNow } from '../../simulators/servicenow/index.ts';
import { refuse } from '../../simulators/servicenow/faults.ts';
import { open, readStream, type ConnectOptions } from './reading.ts';

const basic = { username: 'reader', password: 'secret-of-reader' };
const client = { clientId: 'client-1', clientSecret: 'secret-of-client' };
const time = { ms: 0 };
const now = () => new Date(time.ms);

let instance: Awaited<ReturnType<typeof startServiceNow>>;
const start = async (oauth: object = {}) => {
  instance = await startServiceNow({
    seed: 1,
    counts: { servers: 40 },
    basic,
    oauth: { ...client, tokenSeconds: 1800, ...oauth },
    now,
  });
};
beforeEach(() => {
  time.ms = Date.parse('2026-03-01T12:00:00Z');
});
afterEach(() => instance.stop());

const connect = (oauth: Readonly<Record<string, string>>, options: ConnectOptions = {}) =>
  open(instance.url, { oauth, now, pageSize: 5, ...options });
const grants = () => instance.login.grants.map(({ type, given }) => `${type} ${given ? 'given' : 'refused'}`);

/** Lets 50 seconds pass with each request for data. */
function timeFlies(): void {
  instance.faults.add({
    when: ({ table }) => {
      if (table !== '') time.ms += 50_000;
      return false;
    },
    answer: () => undefined,
  });
}

describe('OAuth2', () => {
  test('by client credentials reads with one token, and without a password', async () => {
    await start();
    await using opened = await connect(client);
    expect(opened.connection.login).toBe('OAuth2, client credentials of client-1');
    expect((await readStream(opened.stream('cis'))).records.size).toBe(40);
    expect(grants()).toEqual(['client_credentials given']);
    const sent = new Set(
      instance.requests.flatMap(({ table, headers }) => (table === '' ? [] : headers['authorization'])),
    );
    expect([...sent]).toEqual([expect.stringMatching(/^Bearer /u)]);
  });

  test.each([
    ['client credentials', client, 'client_credentials given'],
    ['password', { ...client, ...basic }, 'refresh_token given'],
  ])('by %s: tokens that end in mid-run are renewed, and the redactor knows all', async (_, secret, next) => {
    await start({ tokenSeconds: 300 });
    const learnt = new Set<string>();
    await using opened = await connect(secret, { onSecret: (value) => learnt.add(value) });
    timeFlies();
    expect((await readStream(opened.stream('cis'))).records.size).toBe(40);
    expect(grants().slice(1)).toContain(next);
    expect(grants().filter((grant) => grant.endsWith('refused'))).toEqual([]);
    expect(learnt.size).toBeGreaterThan(2);
    expect([...learnt].toSorted()).toEqual([...instance.login.issued].toSorted());
    // The instance gives the same token again as long as it is valid, so each may end while a request is under way.
    const refused = instance.requests.filter(({ status }) => status === 401);
    expect(refused.length).toBeLessThan(learnt.size);
  });

  test('a token that is revoked in mid-run costs one refused request', async () => {
    await start();
    await using opened = await connect({ ...client, ...basic });
    instance.faults.add({
      times: 1,
      when: ({ table, params }) => {
        const inTheMiddle =
          table.startsWith('cmdb') && (params.get('sysparm_query') ?? '').includes('sys_id>');
        if (inTheMiddle) instance.login.revoke();
        return inTheMiddle;
      },
      answer: refuse(401, 'User Not Authenticated'),
    });
    expect((await readStream(opened.stream('cis'))).records.size).toBe(40);
    expect(grants()).toEqual(['password given', 'refresh_token given']);
    expect(instance.requests.filter(({ status }) => status === 401)).toHaveLength(1);
  });

  test('a refresh token that has ended falls back to the password', async () => {
    await start({ tokenSeconds: 600, refreshSeconds: 300 });
    await using opened = await connect({ ...client, ...basic });
    time.ms += 600_000;
    await readStream(opened.stream('cis'));
    expect(grants()).toEqual(['password given', 'refresh_token refused', 'password given']);
  });

  test('the account of the fingerprint is the client, and the user where there is one', async () => {
    await start();
    const prints = new Set<string>();
    for (const secret of [
      client,
      { ...client, ...basic },
      { ...client, clientSecret: client.clientSecret },
    ]) {
      await using opened = await connect(secret);
      prints.add(opened.connection.fingerprint);
    }
    await using withBasic = await open(instance.url, { now });
    expect(prints.add(withBasic.connection.fingerprint).size).toBe(3);
  });
});

describe('a login by OAuth2 that fails says what to mend', () => {
  test.each([
    [
      'a key that is missing',
      { clientId: 'client-1' },
      {},
      'Secret inventory/login has no key clientSecret; add it',
    ],
    [
      'a wrong secret',
      { ...client, clientSecret: 'wrong' },
      {},
      /invalid_client.*correct clientId and clientSecret in Secret inventory\/login/u,
    ],
    [
      'a wrong password',
      { ...client, username: 'reader', password: 'wrong' },
      {},
      /access_denied.*correct clientId, clientSecret, username and password in Secret/u,
    ],
    [
      'an instance without client credentials',
      client,
      { clientCredentials: false },
      /OAuth application user.*client\.credential\.grant_type\.enabled/u,
    ],
  ])('%s', async (_, secret, oauth, message) => {
    await start(oauth);
    await expect(connect(secret)).rejects.toMatchObject({
      code: 'credentials',
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    });
    expect(instance.requests.filter(({ table }) => table !== '')).toEqual([]);
  });

  test('tokens that the Table API refuses', async () => {
    await start();
    instance.faults.add({ when: ({ table }) => table !== '', answer: refuse(401, 'User Not Authenticated') });
    await expect(connect(client)).rejects.toMatchObject({
      code: 'credentials',
      message: expect.stringMatching(/token that was just given out was refused.*Secret inventory\/login/u),
    });
    expect(instance.requests.filter(({ table }) => table !== '')).toHaveLength(2);
  });

  test('an instance without a token endpoint', async () => {
    await start();
    instance.faults.add({ when: ({ path }) => path === '/oauth_token.do', answer: refuse(404, 'no') });
    await expect(connect(client)).rejects.toMatchObject({ code: 'configuration' });
  });
});
