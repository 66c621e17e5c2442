// SPDX-License-Identifier: Apache-2.0
import { expect, onTestFinished, test } from 'vitest';
import { plantServers } from '../connectors/servicenow-cmdb/plant.ts';
import { OperatorBench, password } from '../kit/operator-bench.ts';
import { waitFor } from '../kit/wait.ts';

test('a bad expression of a mapping stalls the system with field, place and remedy until it is mended', async () => {
  await using upstream = await plantServers(30, { username: 'reader', password });
  const bench = await OperatorBench.create();
  onTestFinished(() => bench.close());
  const apply = (expression: string) =>
    bench.applySystem(upstream.url, { mapping: { cis: { environment: { expression } } } });
  const conditions = (system: Awaited<ReturnType<typeof bench.system>>) =>
    Object.fromEntries((system.status?.conditions ?? []).map((each) => [each.type, each]));
  await bench.start();
  await apply('row.name + nmae');
  const stalled = conditions(await bench.waitForReady('InvalidSpec'))['Stalled'];
  expect(stalled).toMatchObject({ status: 'True', reason: 'InvalidSpec' });
  expect(stalled?.message).toContain(
    'spec.mapping.cis.environment.expression: at character 12: there is no variable nmae; use row.nmae',
  );
  expect(upstream.instance.asked).toEqual([]);
  expect(await bench.runs()).toEqual([]);

  await apply("row.name + '!'");
  await bench.waitForRun(({ spec }) => spec.trigger === 'Schedule');
  const mended = await waitFor('the system to be ready', async () => {
    const found = conditions(await bench.system());
    return found['Ready']?.status === 'True' ? found : undefined;
  });
  expect(mended['Stalled']?.status).toBe('False');
  expect(bench.rows("SELECT count(*) AS n FROM current_assets WHERE environment = name || '!'")).toEqual([
    { n: 30 },
  ]);
});
