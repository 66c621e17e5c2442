// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { waitFor } from '../kit/wait.ts';
import { programOf } from './emulator-process.ts';
import { clientId, clientSecret, GraphClient } from './graph-client.ts';
import { parseOptions as parseGraphOptions, usage as graphUsage } from './graph/options.ts';
import { startTrials } from './graph/trials.ts';
import { parseOptions, usage } from './servicenow/options.ts';

const main = programOf('servicenow');
const run = promisify(execFile);

test('without flags there is an instance of 3000 servers', () => {
  expect(parseOptions([])).toEqual({
    port: 0,
    controlPort: 0,
    seed: 1,
    counts: { servers: 3000, notebooks: 100 },
    basic: { username: 'reader', password: 'change-me' },
    clockSkewMs: 0,
    zoneMinutes: 0,
    trials: { forbid: [], hideRows: 0, throttleEvery: 0, deleteAfter: undefined },
  });
});

test('every flag goes where it belongs', () => {
  const flags =
    '--port 8080 --control-port 8085 --seed 2 --servers 5 --notebooks 9 --users 4 --groups 3 --relationships 6 --user a --password b --rows r --client-id c --client-secret d --token-seconds 7 --forbid t --forbid u --hide-rows 8 --throttle-every 9 --delete-after 10:11 --clock-skew-seconds=-12 --zone-minutes 120';
  expect(parseOptions(flags.split(' '))).toEqual({
    port: 8080,
    controlPort: 8085,
    seed: 2,
    counts: { servers: 5, notebooks: 9, users: 4, groups: 3, relationships: 6 },
    basic: { username: 'a', password: 'b' },
    rows: 'r',
    clockSkewMs: -12_000,
    zoneMinutes: 120,
    oauth: { clientId: 'c', clientSecret: 'd', tokenSeconds: 7 },
    trials: {
      forbid: ['t', 'u'],
      hideRows: 8,
      throttleEvery: 9,
      deleteAfter: { seconds: 10, rows: 11 },
    },
  });
});

test.each([
  [['--servers', 'many'], '--servers many'],
  [['--port=-1'], '--port -1'],
  [['--servrs', '5'], '--servrs'],
  [['--delete-after', '5'], '--delete-after 5: give SECONDS:ROWS'],
])('%j is refused by name', (args, said) => {
  expect(() => parseOptions(args)).toThrow(said);
});

test('a Graph without flags has 2500 users and one application', () => {
  expect(parseGraphOptions([])).toEqual({
    ...{
      port: 0,
      loginPort: 0,
      controlPort: 0,
      oneAddress: false,
      seed: 1,
      counts: { users: 2500 },
      clockSkewMs: 0,
    },
    application: { clientId, clientSecret: 'change-me', tokenSeconds: 3599 },
    trials: { withhold: [], without: [], pageSize: undefined, throttleEvery: 0, deleteAfter: undefined },
  });
});

test('every flag of Graph goes where it belongs', () => {
  const flags =
    '--port 8080 --login-port 8081 --control-port 8085 --one-address --seed 2 --users 5 --groups 4 --devices 3 --applications 6 --client-id a --client-secret b --token-seconds 7 --clock-skew-seconds=-12 --withhold User.Read.All --without pim --without intune --page-size 8 --throttle-every 9 --delete-after 10:11';
  expect(parseGraphOptions([...flags.split(' '), '--certificate', main])).toEqual({
    ...{ port: 8080, loginPort: 8081, controlPort: 8085, oneAddress: true, seed: 2, clockSkewMs: -12_000 },
    counts: { users: 5, groups: 4, devices: 3, servicePrincipals: 6 },
    application: {
      ...{ clientId: 'a', clientSecret: 'b', tokenSeconds: 7 },
      certificates: [expect.stringContaining('SPDX')],
    },
    trials: {
      ...{ withhold: ['User.Read.All'], without: ['pim', 'intune'], pageSize: 8, throttleEvery: 9 },
      deleteAfter: { seconds: 10, rows: 11 },
    },
  });
});

test.each([
  [['--users', 'many'], '--users many: give a whole number'],
  [['--without', 'money'], '--without money: use premium, pim, intune'],
  [['--certificate', '/nowhere/c.pem'], '--certificate /nowhere/c.pem: cannot be read: ENOENT'],
  [['--delete-after', '5'], '--delete-after 5: give SECONDS:ROWS'],
])('%j is refused by name by Graph too', (args, said) => {
  expect(() => parseGraphOptions(args)).toThrow(said);
});

test('a Graph lacks what it is told to lack, throttles and deletes', async () => {
  const options = parseGraphOptions(
    '--users 30 --withhold Device.Read.All --without intune --page-size 7 --throttle-every 3'.split(' '),
  );
  if (options === 'help') throw new Error('help was not asked for');
  const client = await GraphClient.start({ ...options, application: { clientId, clientSecret } });
  try {
    startTrials(client.graph, { ...options.trials, deleteAfter: { seconds: 0, rows: 4 } });
    await waitFor('users to be deleted', () => client.graph.tenant.directory.objects.user.size === 26);
    expect((await client.get('/users?$top=50')).rows).toHaveLength(7);
    expect((await client.get('/devices')).status).toBe(403);
    expect((await client.get('/users')).headers.get('retry-after')).toBe('1');
    expect((await client.get('/deviceManagement/managedDevices')).status).toBe(400);
    const unknown = () => startTrials(client.graph, { ...options.trials, withhold: ['Everything'] });
    expect(unknown).toThrow('--withhold Everything: use one of AuditLog.Read.All');
  } finally {
    await client.stop();
  }
});

test.each([
  ['servicenow', usage],
  ['graph', graphUsage],
])('--help and the README of %s name every flag', async (name, usage) => {
  const { stdout } = await run(process.execPath, [programOf(name), '--help']);
  expect(stdout.trim()).toBe(usage);
  const readme = await readFile(new URL(`${name}/README.md`, import.meta.url), 'utf8');
  const flags = usage.match(/--[a-z-]+/gu) ?? [];
  expect(flags.length).toBeGreaterThan(9);
  for (const flag of flags) expect(readme).toContain(flag);
});

test('a recording that cannot be read is one sentence and status 2, no trace', async () => {
  const failed = await run(process.execPath, [main, '--rows', '/nowhere/r.json']).catch(
    (error: unknown) => error,
  );
  const message = '/nowhere/r.json: cannot be read: ENOENT';
  expect(failed).toMatchObject({ code: 2, stderr: expect.stringMatching(`^${message}.*\\n$`) });
});
