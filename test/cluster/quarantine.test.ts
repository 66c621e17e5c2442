// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bytesOf, canariesIn, plantCanaries } from '../kit/canaries.ts';
import { OperatorBench, password } from '../kit/operator-bench.ts';
import { waitFor } from '../kit/wait.ts';
import { startServiceNow } from '../simulators/servicenow/index.ts';

let bench: OperatorBench;
let upstream: Awaited<ReturnType<typeof startServiceNow>>;

beforeEach(async () => {
  bench = await OperatorBench.create();
  upstream = await startServiceNow({
    seed: 1,
    counts: { servers: 30 },
    basic: { username: 'reader', password },
  });
});

afterEach(async () => {
  await bench.close();
  await upstream.stop();
});

const misfit = { mapping: { cis: { memoryMb: { from: 'name' } } } };
const gauge = () => `extsys_quarantined_rows{namespace="${bench.namespace}",system="cmdb",stream="cis"}`;
const waitForCondition = (status: string) =>
  waitFor(`RowsSetAside to be ${status}`, async () => {
    const system = await bench.system();
    const found = system.status?.conditions?.find(({ type }) => type === 'RowsSetAside');
    if (found?.status !== status) throw new Error(`RowsSetAside is ${JSON.stringify(found)}`);
    return { system, ...found };
  });

test('rows that are set aside show in the condition, the status and the gauge until they fit, and go with the system', async () => {
  await bench.start();
  await bench.applySystem(upstream.url);
  const first = await bench.waitForRun(({ spec }) => spec.trigger === 'Schedule');
  expect(first.status?.phase).toBe('Succeeded');
  expect((await bench.system()).status?.conditions?.map(({ type }) => type)).not.toContain('RowsSetAside');

  await bench.applySystem(upstream.url, misfit);
  const { system, reason, message } = await waitForCondition('True');
  expect(reason).toBe('RowsDoNotFit');
  expect(message).toContain('rows that did not fit are set aside: 30 (cis 30); 30 of cis because: ');
  expect(message).toContain('the value of name is no whole number of 0 or more');
  expect(message).toContain(`extsys quarantine list --system ${bench.namespace}/cmdb shows each`);
  expect(message).toContain('Who must act: ');
  expect(system.status?.rowsSetAside).toEqual([{ stream: 'cis', rows: 30 }]);
  await waitFor('the gauge', async () => (await bench.get('/metrics')).text.includes(`${gauge()} 30`));

  await bench.applySystem(upstream.url);
  const mended = await waitForCondition('False');
  expect(mended.reason).toBe('NothingSetAside');
  expect(mended.system.status?.rowsSetAside).toBeUndefined();
  await waitFor('no gauge', async () => !(await bench.get('/metrics')).text.includes(gauge()));

  await bench.applySystem(upstream.url, misfit);
  await waitFor('the gauge again', async () => (await bench.get('/metrics')).text.includes(`${gauge()} 30`));
  await bench.kubectl('delete', 'externalsystem', 'cmdb');
  await waitFor(
    'the gauge to be gone with the system',
    async () => !(await bench.get('/metrics')).text.includes(gauge()),
  );
});

test('a retention out of its bounds is refused by the API server', async () => {
  await expect(bench.applySystem(upstream.url, { retention: { quarantine: '30m' } })).rejects.toThrow(
    'must be a duration from 1h to 87600h',
  );
  await bench.applySystem(upstream.url, { retention: { quarantine: '48h' } });
});

test('secrets in rows that are set aside stand neither in the database, nor in the log, nor in any object', async () => {
  plantCanaries(upstream);
  await bench.start();
  await bench.applySystem(upstream.url);
  await waitForCondition('True');
  const log = await bench.log();
  const objects = await bench.kubectl('get', 'externalsystems,syncruns,events', '-o', 'json');
  expect(log).toContain('"level":"debug"');
  expect(objects).toContain('RowsSetAside');
  expect(canariesIn(log, objects, bytesOf(bench.folder))).toEqual([]);
});
