// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { CommandFailed } from '../../src/cli/command.ts';
import { planCommand } from '../../src/cli/plan.ts';
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

test('plan show says when there is none', async () => {
  await bench.sync(bench.manifests());
  await expect(call(planCommand.run, ['show', 'other', '--store', bench.store])).rejects.toThrow(
    new CommandFailed(
      'the database holds no plan of a run other; the newest ten of each system are kept: make one with a SyncRun of mode Plan, or extsys sync --mode Plan',
    ),
  );
});
