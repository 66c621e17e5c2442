// SPDX-License-Identifier: Apache-2.0
import { expect, onTestFinished, test } from 'vitest';
import { waitFor } from '../kit/wait.ts';
import { parseOptions } from './servicenow/options.ts';
import { startServiceNow } from './servicenow/index.ts';
import { startTrials } from './servicenow/trials.ts';

/** The instance of a command line, and how it answers a question for rows. */
async function instanceOf(...flags: string[]) {
  const options = parseOptions(['--servers', '20', '--notebooks', '0', ...flags]);
  if (options === 'help') throw new Error('that is no instance');
  const instance = await startServiceNow(options);
  onTestFinished(() => instance.stop());
  startTrials(instance, options.trials);
  const authorization = `Basic ${Buffer.from('reader:change-me').toString('base64')}`;
  return async (table: string) => {
    const response = await fetch(`${instance.url}/api/now/table/${table}`, { headers: { authorization } });
    const { result } = (await response.json()) as { result?: readonly unknown[] };
    return { status: response.status, headers: response.headers, rows: result?.length };
  };
}

test('--forbid refuses its tables, and only these', async () => {
  const ask = await instanceOf('--forbid', 'sys_user');
  expect((await ask('sys_user')).status).toBe(403);
  expect((await ask('cmdb_ci')).status).toBe(200);
});

test('--hide-rows counts rows and does not give them', async () => {
  const ask = await instanceOf('--hide-rows', '3');
  const { headers, rows } = await ask('cmdb_ci');
  expect({ counted: headers.get('x-total-count'), rows }).toEqual({ counted: '20', rows: 17 });
});

test('--throttle-every answers every Nth question with 429 and says how long to wait', async () => {
  const ask = await instanceOf('--throttle-every', '3');
  const answers = [await ask('cmdb_ci'), await ask('cmdb_ci'), await ask('cmdb_ci'), await ask('cmdb_ci')];
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 429, 200]);
  expect(answers[2]?.headers.get('retry-after')).toBe('1');
});

test('--delete-after deletes rows, with lines in the audit', async () => {
  const ask = await instanceOf('--delete-after', '0:5');
  await waitFor('the deletions', async () => (await ask('cmdb_ci')).rows === 15);
  expect((await ask('sys_audit_delete')).rows).toBe(5);
});
