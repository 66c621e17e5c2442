// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { certificate } from '../../kit/certificate.ts';
import { accounts, places } from '../../kit/samba/seed.ts';
import { baseDN } from '../../kit/samba/settings.ts';
import { Directory } from './directory.ts';

let directory: Directory;
beforeAll(async () => {
  directory = await Directory.start();
  await directory.domain.ldb.tool('domain', 'passwordsettings', 'set', '--account-lockout-threshold=3');
}, 300_000);
afterAll(() => directory[Symbol.asyncDispose]());

/** As the controller counts them: three lock the account. */
async function wrongPasswords(account: string): Promise<number> {
  const [found] = await directory.domain.ldb.search(baseDN, `(sAMAccountName=${account})`, ['badPwdCount']);
  return Number(found?.get('badpwdcount')?.[0]);
}

describe('logins that a real domain refuses', { timeout: 60_000 }, () => {
  test('a wrong password is sent once in a run of four streams, and stands in nothing that comes out', async () => {
    const before = await wrongPasswords(accounts.sync.name);
    const outcome = await directory.sync({
      account: { name: accounts.sync.name, password: 'canary-wrong-4417' },
    });
    expect(outcome.failure).toMatchObject({
      code: 'credentials',
      message: expect.stringMatching(/svc-sync.*52e|wrong/u),
    });
    expect(await wrongPasswords(accounts.sync.name)).toBe(before + 1);
    expect(outcome.said).not.toContain('canary-wrong-4417');
    const good = await directory.test({ account: accounts.sync });
    expect(good.status.phase).toBe('Succeeded');
  });

  test.each([
    ['disabled', accounts.disabled, /disabled.*enable/u],
    ['expired', accounts.expired, /expired/u],
    ['to change its password', accounts.mustChange, /must be changed|must change/u],
  ])('an account that is %s is told so, with the remedy', async (_what, account, words) => {
    const { failure } = await directory.sync({ account });
    expect(failure).toMatchObject({ code: 'credentials', message: expect.stringMatching(words) });
  });

  test('an account that is locked is told so, and shows as locked', async () => {
    const wrong = { name: accounts.locked.name, password: 'not-this-one' };
    for (let attempt = 1; attempt <= 3; attempt++) await directory.test({ account: wrong });
    const { failure } = await directory.test({ account: accounts.locked });
    expect(failure).toMatchObject({ code: 'credentials', message: expect.stringMatching(/locked/u) });
    await directory.sync();
    expect(directory.rows('SELECT name, locked FROM users WHERE locked = 1 AND deleted_at IS NULL')).toEqual([
      { name: accounts.locked.name, locked: 1 },
    ]);
  });

  test('an empty password is refused before anything is sent', async () => {
    const { failure } = await directory.test({ account: { name: accounts.sync.name, password: '' } });
    expect(failure).toMatchObject({ code: 'credentials', message: expect.stringContaining('password') });
  });

  test('a user name without a domain is refused before anything is sent', async () => {
    const { failure } = await directory.test({
      account: accounts.sync,
      secret: { username: accounts.sync.name, 'ca.crt': directory.domain.ca },
    });
    expect(failure).toMatchObject({
      code: 'credentials',
      message: expect.stringMatching(/key username has no domain.*name@domain, DOMAIN\\name, or a DN/u),
    });
  });

  test.each([
    ['a DN', `CN=${accounts.sync.name},${places.service}`],
    ['DOMAIN\\user', `CORP\\${accounts.sync.name}`],
  ])('%s is taken as a user name', async (_what, username) => {
    const outcome = await directory.test({ account: { name: username, password: accounts.sync.password } });
    expect(outcome.status.phase).toBe('Succeeded');
  });
});

describe('TLS to a real domain', { timeout: 60_000 }, () => {
  test('an authority that is not known is told with the key of the Secret that takes it', async () => {
    const { failure } = await directory.test({ secret: {} });
    expect(failure?.message).toMatch(/certificate.*not trusted.*ca\.crt in the Secret/u);
    const other = certificate('another authority', { authority: true });
    const wrong = await directory.test({ secret: { 'ca.crt': other.cert } });
    expect(wrong.failure?.message).toMatch(/certificate.*not trusted/u);
  });

  test('StartTLS protects an ldap:// address; without it the domain refuses the login, and the remedy is told', async () => {
    const { ldapUrl } = directory.domain;
    const before = await wrongPasswords(accounts.sync.name);
    const secured = await directory.test({
      account: accounts.sync,
      block: { urls: [ldapUrl], startTls: true },
    });
    expect(secured.status.phase).toBe('Succeeded');
    const plain = await directory.test({ account: accounts.sync, block: { urls: [ldapUrl] } });
    expect(plain.failure).toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(/ldaps:.*startTls: true/u),
    });
    expect(await wrongPasswords(accounts.sync.name)).toBe(before);
  });
});
