// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { ServiceNow } from '../simulators/servicenow/index.ts';
import { CliBench } from './cli-bench.ts';

const bench = new CliBench();
const gone = () =>
  bench
    .rows('SELECT external_id FROM assets WHERE deleted_at IS NOT NULL ORDER BY external_id')
    .map((row) => row['external_id']);
const [first, second, third] = [1, 2, 4].map((index) => ServiceNow.id('0c', index));
const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

test('an incremental run marks what the instance states as deleted, and brings back what was made again', async () => {
  const { instance } = bench;
  if (first === undefined || second === undefined || third === undefined) throw new Error('no ids');
  await bench.sync(bench.manifests());
  instance.remove('cmdb_ci_linux_server', first, minutesAgo(3));
  instance.remove('cmdb_ci_linux_server', second, minutesAgo(3));
  const item = { sys_class_name: 'cmdb_ci_linux_server', name: 'made again' };
  instance.insert('cmdb_ci', { ...item, sys_id: second }, minutesAgo(2));
  const { run } = await bench.sync(bench.manifests());
  expect(run.status?.streams).toMatchObject([
    { mode: 'Incremental', complete: true, updated: 1, deleted: 1 },
  ]);
  expect(gone()).toEqual([first]);
  instance.insert('cmdb_ci', { ...item, sys_id: first }, minutesAgo(2));
  await bench.sync(bench.manifests());
  expect(gone()).toEqual([]);
});

test('without the right to read the audit only a full run finds deletions, and no run fails for it', async () => {
  const { instance } = bench;
  if (third === undefined) throw new Error('no id');
  instance.forbidden.add('sys_audit_delete');
  await bench.sync(bench.manifests());
  instance.remove('cmdb_ci_linux_server', third, minutesAgo(3));
  const incremental = await bench.sync(bench.manifests());
  expect(incremental.run.status).toMatchObject({ phase: 'Succeeded', totals: { deleted: 0 } });
  expect(gone()).toEqual([]);
  const full = await bench.sync(bench.manifests(), '--mode', 'Full');
  expect(full.run.status).toMatchObject({ phase: 'Succeeded', totals: { deleted: 1 } });
  expect(gone()).toEqual([third]);
});

test('a deletion that no audit tells of is found by the next full run', async () => {
  await bench.sync(bench.manifests());
  bench.instance.removeUnaudited('cmdb_ci_linux_server', ServiceNow.id('0c', 1));
  await bench.sync(bench.manifests());
  expect(gone()).toEqual([]);
  await bench.sync(bench.manifests(), '--mode', 'Full');
  expect(gone()).toEqual([ServiceNow.id('0c', 1)]);
});

test('stated deletions count against the budget', async () => {
  const { instance } = bench;
  await bench.sync(bench.manifests());
  for (let index = 0; index < 30; index += 1)
    instance.remove('cmdb_ci_linux_server', ServiceNow.id('0c', index), minutesAgo(3));
  const held = await bench.sync(bench.manifests());
  expect(held.run.status).toMatchObject({
    phase: 'PartiallySucceeded',
    failure: { code: 'deletionBudget' },
    totals: { deleted: 0 },
  });
  const raised = { deletion: { budget: { maxPercent: 60 } } };
  const { run } = await bench.sync(bench.manifests({}, raised));
  expect(run.status).toMatchObject({ phase: 'Succeeded', totals: { deleted: 30 } });
});

test('what a full run withheld is said by each incremental one, with the remedy, until a full one settles it', async () => {
  const { instance } = bench;
  await bench.sync(bench.manifests());
  for (let index = 0; index < 30; index += 1)
    instance.removeUnaudited('cmdb_ci_linux_server', ServiceNow.id('0c', index));
  const held = await bench.sync(bench.manifests(), '--mode', 'Full');
  expect(held.run.status?.failure).toMatchObject({
    code: 'deletionBudget',
    message: expect.stringContaining('raise deletion.budget for one full run') as string,
  });
  expect(held.err).not.toContain('warning');
  const note =
    /^warning: 30 records look gone since the newest full run and were not deleted; .*approve-deletions, or raise spec\.deletion\.budget, and run with --mode Full$/mu;
  const raised = bench.manifests({}, { deletion: { budget: { maxPercent: 60 } } });
  for (const flags of [[], ['--quiet']]) {
    const after = await bench.sync(raised, ...flags);
    expect(after.run.status).toMatchObject({ phase: 'Succeeded', totals: { deleted: 0 } });
    expect(after.err).toMatch(note);
  }
  bench.change(`UPDATE deletion_proposals SET proposed_at = '2020-01-01T00:00:00.000Z'`);
  expect((await bench.sync(raised)).err).toMatch(
    /were not deleted; check the source, then run with --mode Full, which proposes them for approval, or raise/u,
  );
  const full = await bench.sync(raised, '--mode', 'Full');
  expect(full.run.status).toMatchObject({ phase: 'Succeeded', totals: { deleted: 30 } });
  const settled = await bench.sync(raised);
  expect(settled.err).not.toContain('warning');
});
