// SPDX-License-Identifier: Apache-2.0
import { DatabaseSync } from 'node:sqlite';
import { load, loadAll, dump } from 'js-yaml';
import { expect, test } from 'vitest';
import { annotations } from '../../src/api/group.ts';
import { approveCommand } from '../../src/cli/approve.ts';
import { syncCommand } from '../../src/cli/sync.ts';
import { ServiceNow } from '../simulators/servicenow/index.ts';
import { call, CliBench } from './cli-bench.ts';

const bench = new CliBench();

function annotated(yaml: string, token: string): string {
  const [system, ...others] = loadAll(yaml) as { metadata: object }[];
  const metadata = { ...system?.metadata, annotations: { [annotations.approveDeletions]: token } };
  return [{ ...system, metadata }, ...others].map((document) => dump(document)).join('---\n');
}

const gone = () => bench.rows('SELECT count(*) AS n FROM assets WHERE deleted_at IS NOT NULL')[0]?.['n'];
const remove = (from: number, to: number) => {
  for (let index = from; index < to; index += 1)
    bench.instance.removeUnaudited('cmdb_ci_linux_server', ServiceNow.id('0c', index));
};

test('from a file: what passed the budget goes once its annotation is in the manifest, once, and no more', async () => {
  await bench.sync(bench.manifests());
  remove(0, 30);
  const held = await bench.sync(bench.manifests(), '--mode', 'Full');
  const proposal = held.run.status?.deletionProposal;
  expect(proposal?.records).toBe(30);
  expect(gone()).toBe(0);

  const flags = ['cmdb', '-n', 'inventory', '--list', '--store', bench.store];
  const listed = await call(approveCommand, flags);
  const records = listed.out
    .trim()
    .split('\n')
    .map((line) => load(line) as { externalId: string; name: string });
  expect(listed.code).toBe(0);
  expect(records).toHaveLength(30);
  expect(records[0]).toMatchObject({ stream: 'cis', externalId: ServiceNow.id('0c', 0) });
  expect(records[0]?.name).not.toBe('');

  const wrong = await bench.sync(annotated(bench.manifests(), 'cmdb-cli-1@sha256:1'));
  expect(wrong.err).toContain('which is not RUN@sha256:');
  expect(gone()).toBe(0);

  const token = `${held.run.metadata.name}@${proposal?.digest}`;
  const approved = await bench.sync(annotated(bench.manifests(), token));
  expect(approved.err).toContain('deletions are approved: everything is read');
  expect(approved.run.status).toMatchObject({
    phase: 'Succeeded',
    totals: { deleted: 30 },
    deletionApproval: { token, deleted: 30 },
  });
  expect(gone()).toBe(30);

  remove(30, 50);
  const again = await bench.sync(annotated(bench.manifests(), token), '--mode', 'Full');
  expect(again.run.status).toMatchObject({ totals: { deleted: 0 }, deletionProposal: { records: 20 } });
  expect(gone()).toBe(30);
});

test('an approval does not speak for a list that somebody has altered since', async () => {
  await bench.sync(bench.manifests());
  remove(0, 30);
  const { run } = await bench.sync(bench.manifests(), '--mode', 'Full');
  remove(30, 40);
  const connection = new DatabaseSync(`${bench.folder}/inventory.db`);
  const insert = connection.prepare('INSERT INTO proposed_deletions SELECT id, ?, 1 FROM deletion_proposals');
  for (let index = 30; index < 40; index += 1) insert.run(ServiceNow.id('0c', index));
  connection.close();
  const token = `${run.metadata.name}@${run.status?.deletionProposal?.digest}`;
  const { run: after } = await bench.sync(annotated(bench.manifests(), token));
  expect(after.status).toMatchObject({ totals: { deleted: 0 }, failure: { code: 'deletionBudget' } });
  expect(after.status?.deletionApproval).toBeUndefined();
  expect(gone()).toBe(0);
});

test('input that cannot be used is refused with the remedy', async () => {
  await expect(call(approveCommand, [])).rejects.toThrow('SYSTEM is missing');
  await expect(call(approveCommand, ['a', 'b'])).rejects.toThrow('leave out b');
  await expect(call(approveCommand, ['a', '--list'])).rejects.toThrow(
    '--store sqlite:inventory.db: database inventory.db: there is no such file',
  );
  await expect(call(approveCommand, ['a', '--store', bench.store])).rejects.toThrow(
    '--store goes with --list',
  );
  await bench.sync(bench.manifests());
  const nothing = ['cmdb', '-n', 'inventory', '--list', '--store', bench.store];
  await expect(call(approveCommand, nothing)).rejects.toThrow('no deletions wait for approval');
  await expect(call(approveCommand, [...nothing, '--run', 'x'])).rejects.toThrow(
    'SyncRun x proposed no deletions',
  );
});

const table = (yaml: string, ...args: string[]) =>
  call(syncCommand, ['-f', '-', '--store', bench.store, '--quiet', ...args], yaml);

test('the table of a run says what it kept, the token that approves it, and how, also beside another failure', async () => {
  await bench.sync(bench.manifests({ users: true }));
  remove(0, 30);
  bench.instance.forbidden.add('sys_user');
  const { code, out } = await table(bench.manifests({ users: true }), '--mode', 'Full');
  expect(code).toBe(1);
  expect(out).toMatch(/DELETED +FAILED +WITHHELD +REASON\n/u);
  expect(out).not.toContain('WITHDRAWN');
  expect(out).toMatch(/^cis .* 0 +0 +30$/mu);
  expect(out).toMatch(/^permission /mu);
  expect(out).toContain('records that look gone and wait for approval to be deleted: 30\n');
  expect(out).toContain(`extsys approve cmdb -n inventory --list --store '${bench.store}'\n`);
  const token = new RegExp(`${annotations.approveDeletions}: (\\S+@sha256:[0-9a-f]{64})$`, 'mu').exec(
    out,
  )?.[1];
  bench.instance.forbidden.clear();
  const approved = await table(annotated(bench.manifests({ users: true }), token ?? ''));
  expect(approved.code).toBe(0);
  expect(approved.out).not.toContain('WITHHELD');
  expect(gone()).toBe(30);
});

test('the table of a run says what was withdrawn', async () => {
  await bench.sync(bench.manifests({ classes: ['cmdb_ci_linux_server', 'cmdb_ci_win_server'] }));
  const { out } = await table(bench.manifests({ classes: ['cmdb_ci_linux_server'] }));
  const [row] = bench.rows('SELECT count(*) AS n FROM assets WHERE withdrawn_at IS NOT NULL');
  expect(out).toMatch(/FAILED +WITHDRAWN +REASON\n/u);
  expect(out).toMatch(new RegExp(`^cis .* 0 +0 +${Number(row?.['n'])}$`, 'mu'));
  expect(out).not.toContain('wait for approval');
});

test('a raised budget deletes in a full run, as the failure says', async () => {
  await bench.sync(bench.manifests());
  remove(0, 30);
  const held = await bench.sync(bench.manifests(), '--mode', 'Full');
  expect(held.run.status?.failure?.message).toContain('raise deletion.budget for one full run');
  const raised = bench.manifests({}, { deletion: { budget: { maxPercent: 60 } } });
  await bench.sync(raised, '--mode', 'Full');
  expect(gone()).toBe(30);
});
