// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { CommandFailed } from '../../src/cli/command.ts';
import { planCommand } from '../../src/cli/plan.ts';
import { syncCommand } from '../../src/cli/sync.ts';
import { ServiceNow } from '../simulators/servicenow/index.ts';
import { call, CliBench, password } from './cli-bench.ts';

const bench = new CliBench();

test('a plan from a file writes no records, and plan show prints what would change', async () => {
  const first = await bench.sync(bench.manifests(), '--mode', 'Plan');
  expect(first.run.status).toMatchObject({ phase: 'Succeeded', mode: 'Plan', totals: { created: 60 } });
  expect(bench.rows('SELECT count(*) AS n FROM assets')).toEqual([{ n: 0 }]);
  await bench.sync(bench.manifests(), '--mode', 'Full');
  const gone = ServiceNow.id('0c', 1);
  const renamed = ServiceNow.id('0c', 2);
  bench.instance.removeUnaudited('cmdb_ci_linux_server', gone);
  bench.instance.update('cmdb_ci_linux_server', renamed, { name: 'renamed' });
  const second = await bench.sync(bench.manifests(), '--mode', 'Plan');
  expect(second.run.status?.totals).toMatchObject({ created: 0, updated: 1, deleted: 1 });
  const json = await call(planCommand.run, ['show', '--store', bench.store, '-o', 'json']);
  const plan = JSON.parse(json.out) as { runName: string; streams: { samples: object[] }[] };
  expect(plan.streams[0]?.samples).toMatchObject([
    { action: 'delete', externalId: gone },
    {
      action: 'update',
      externalId: renamed,
      changes: expect.arrayContaining([expect.objectContaining({ field: 'name', after: 'renamed' })]),
    },
  ]);
  const { uid } = second.run.metadata;
  const table = await call(planCommand.run, ['show', uid, '--store', bench.store]);
  expect(table.out).toContain('cis: 0 to create, 1 to update, 1 to delete, 0 withheld, 0 to set aside');
  expect(table.out + json.out).not.toContain(password);
});

test('a plan that passes the budget says what a full run would do, and proposes nothing', async () => {
  await bench.sync(bench.manifests());
  for (let index = 0; index < 30; index += 1)
    bench.instance.removeUnaudited('cmdb_ci_linux_server', ServiceNow.id('0c', index));
  const { status } = (await bench.sync(bench.manifests(), '--mode', 'Plan')).run;
  expect(status?.deletionProposal).toBeUndefined();
  expect(status?.failure?.message).toMatch(/a Full run would delete nothing and propose them for approval$/u);
  const table = await call(
    syncCommand,
    ['-f', '-', '--store', bench.store, '--mode', 'Plan'],
    bench.manifests(),
  );
  expect(table.out).toContain('cis: 0 to create, 0 to update, 0 to delete, 30 withheld');
  expect(table.out).not.toContain('extsys approve');
});

test('what would be set aside names its field once', async () => {
  const misfit = bench.manifests({}, { mapping: { cis: { memoryMb: { from: 'ram' } } } });
  await bench.sync(misfit, '--mode', 'Plan');
  const { out } = await call(planCommand.run, ['show', '--store', bench.store, '-o', 'json']);
  const plan = JSON.parse(out) as { streams: { samples: { action: string; reason: string }[] }[] };
  const reasons = plan.streams.flatMap(({ samples }) =>
    samples.flatMap(({ action, reason }) => (action === 'setAside' ? [reason] : [])),
  );
  expect(reasons.length).toBeGreaterThan(0);
  for (const reason of reasons) expect(reason.split('spec.mapping.cis.memoryMb')).toHaveLength(2);
});

test('plan show says when there is none', async () => {
  await bench.sync(bench.manifests());
  await expect(call(planCommand.run, ['show', 'other', '--store', bench.store])).rejects.toThrow(
    new CommandFailed(
      'the database holds no plan of a run other; the newest ten of each system are kept: make one with a SyncRun of mode Plan, or extsys sync --mode Plan',
    ),
  );
});
