// SPDX-License-Identifier: Apache-2.0
import { afterEach, expect, test } from 'vitest';
import { startServiceNow, type ServiceNowOptions } from '../../simulators/servicenow/index.ts';
import { open } from './reading.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Runs the check against an instance with these options. */
async function check(options: Partial<ServiceNowOptions>, config: Record<string, unknown> = {}) {
  const basic = { username: 'reader', password: 'secret-of-reader' };
  const instance = await startServiceNow({ seed: 1, counts: { servers: 3 }, basic, ...options });
  closing.push(() => instance.stop());
  const run = async () => {
    await using opened = await open(instance.url, { config });
    return await opened.connection.checks?.find(({ name }) => name === 'timeZone')?.run();
  };
  return { instance, run };
}

test.each([
  [0, {}, { result: 'Passed', message: "the account's time zone is UTC" }],
  [120, {}, { result: 'Warning', message: expect.stringContaining('UTC+02:00: labels of times') }],
  [-210, {}, { result: 'Warning', message: expect.stringContaining('UTC-03:30') }],
  [
    60,
    { query: "sys_created_on>javascript:gs.dateGenerate('2024-01-01','00:00:00')" },
    { result: 'Warning', message: expect.stringContaining('times that spec query makes by javascript:') },
  ],
])(
  'a time zone %i minutes ahead of UTC shows in the labels of times',
  async (zoneMinutes, config, finding) => {
    expect(await (await check({ zoneMinutes }, config)).run()).toEqual(finding);
  },
);

test('times in queries that are read in the time zone of the account fail: windows would miss changes', async () => {
  const { run } = await check({ zoneMinutes: 120, queriesInZone: true });
  await expect(run()).rejects.toThrow('table cmdb_ci_server: times in queries are not read as UTC');
});

test('a row that is changed while it is asked about does not look like it', async () => {
  const { instance, run } = await check({});
  const isWindow = (query: string | null) => query?.includes('sys_updated_on>=') === true;
  instance.faults.add({
    when: ({ params }) => isWindow(params.get('sysparm_query')),
    times: 1,
    answer: (response) => {
      instance.changeAll('cmdb_ci', () => ({ sys_updated_on: '2026-01-01 00:00:00' }));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"result":[]}');
    },
  });
  expect(await run()).toMatchObject({ result: 'Passed' });
});

test('a table without rows, or one that is refused, leaves it open', async () => {
  const { run } = await check({ counts: { servers: 0 } });
  expect(await run()).toMatchObject({ result: 'Warning', message: expect.stringContaining('gives no row') });
  const refused = await check({});
  refused.instance.forbidden.add('cmdb_ci_server');
  expect(await refused.run()).toMatchObject({
    result: 'Warning',
    message: expect.stringContaining('cannot be read'),
  });
});

test('a date format of the account is told', async () => {
  const { instance, run } = await check({});
  instance.changeAll('cmdb_ci', () => ({
    sys_updated_on: { value: '2025-06-01 00:00:00', display_value: '06/01/2025 00:00:00' },
  }));
  expect(await run()).toEqual({
    result: 'Warning',
    message: expect.stringContaining('date format is its own ("06/01/2025 00:00:00")'),
  });
});
