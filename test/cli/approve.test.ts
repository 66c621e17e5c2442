// SPDX-License-Identifier: Apache-2.0
import { load, loadAll, dump } from 'js-yaml';
import { expect, test } from 'vitest';
import { annotations } from '../../src/api/group.ts';
import { approveCommand } from '../../src/cli/approve.ts';
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

test('input that cannot be used is refused with the remedy', async () => {
  await expect(call(approveCommand, [])).rejects.toThrow('SYSTEM is missing');
  await expect(call(approveCommand, ['a', 'b'])).rejects.toThrow('leave out b');
  await expect(call(approveCommand, ['a', '--list'])).rejects.toThrow('name it with --store URL');
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
