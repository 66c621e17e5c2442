// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { parseOptions, usage } from './servicenow/options.ts';

const main = fileURLToPath(new URL('servicenow/main.ts', import.meta.url));
const run = promisify(execFile);

test('without flags there is an instance of 3000 servers', () => {
  expect(parseOptions([])).toEqual({
    port: 0,
    seed: 1,
    counts: { servers: 3000 },
    basic: { username: 'reader', password: 'change-me' },
    clockSkewMs: 0,
    zoneMinutes: 0,
    trials: { forbid: [], hideRows: 0, throttleEvery: 0, deleteAfter: undefined },
  });
});

test('every flag goes where it belongs', () => {
  const flags =
    '--port 8080 --seed 2 --servers 5 --users 4 --groups 3 --relationships 6 --user a --password b --rows r --client-id c --client-secret d --token-seconds 7 --forbid t --forbid u --hide-rows 8 --throttle-every 9 --delete-after 10:11 --clock-skew-seconds=-12 --zone-minutes 120';
  expect(parseOptions(flags.split(' '))).toEqual({
    port: 8080,
    seed: 2,
    counts: { servers: 5, users: 4, groups: 3, relationships: 6 },
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

test('--help and the README name every flag', async () => {
  const { stdout } = await run(process.execPath, [main, '--help']);
  expect(stdout.trim()).toBe(usage);
  const readme = await readFile(new URL('servicenow/README.md', import.meta.url), 'utf8');
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
