// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sqliteReader } from '../../src/store/sqlite/reader.ts';
import { audit, clusterRunOf } from '../../src/sync/audit.ts';
import { plantServers, type Planted } from '../connectors/servicenow-cmdb/plant.ts';
import { run } from '../kit/manifests.ts';
import { OperatorBench, password } from '../kit/operator-bench.ts';
import { waitFor } from '../kit/wait.ts';
import { verifyAudit } from './verify-audit.ts';

let bench: OperatorBench;
let upstream: Planted;

beforeEach(async () => {
  bench = await OperatorBench.create();
  upstream = await plantServers(5, { username: 'reader', password });
});

afterEach(async () => {
  await bench.close();
  await upstream[Symbol.asyncDispose]();
});

const verify = () => verifyAudit(bench);

test('the cluster and the archive tell the same, and a run that was made again with a forged status does not', async () => {
  await bench.start();
  await bench.applySystem(upstream.url);
  await bench.waitForRun(() => true);
  await bench.apply(run('full', { mode: 'Full' }));
  const full = await bench.waitForRun(({ metadata }) => metadata.name === 'full');
  await waitFor('the head of the chain in the status of the system', async () => {
    const { status } = await bench.system();
    return status?.chainHead?.digest === full.status?.digest;
  });

  // While the operator writes.
  const sound = await verify();
  expect(sound.report.findings).toEqual([]);
  expect(sound.report.notes).toEqual([]);
  expect(sound.code).toBe(0);

  await bench.stop();
  await bench.kubectl('delete', 'syncrun', 'full');
  const deleted = await verify();
  expect(deleted.code).toBe(0);
  expect(deleted.report.notes).toMatchObject([
    { message: expect.stringMatching(/^1 archived and unpruned runs do not stand in the cluster.*: full$/u) },
  ]);

  await bench.apply(run('full', { mode: 'Full' }));
  const forged = { status: { ...full.status, totals: { ...full.status?.totals, deleted: 0, fetched: 0 } } };
  await bench.kubectl(
    ...['patch', 'syncrun', 'full', '--subresource=status', '--type=merge', '-p', JSON.stringify(forged)],
  );
  const found = await verify();
  expect(found.code).toBe(1);
  expect(found.report.findings).toMatchObject([
    {
      kind: 'cluster',
      runName: 'full',
      message: 'this SyncRun has ended, and yet the archive has no run of its uid',
    },
  ]);

  // What only a hand in etcd can do: the same object, with another status.
  const archive = sqliteReader(bench.database);
  await archive.open();
  const totals = { fetched: 4711, created: 0, updated: 0, unchanged: 0, deleted: 0, failed: 0 };
  const altered = { ...full, status: { ...full.status, totals } };
  const { findings } = await audit(archive, {
    only: undefined,
    kept: new Map(),
    cluster: {
      runs: [clusterRunOf(altered)],
      heads: new Map(),
      covers: () => false,
      fetch: async () => altered,
    },
  });
  await archive.close();
  expect(findings).toMatchObject([
    {
      kind: 'cluster',
      sequence: full.status?.sequence,
      runUid: full.metadata.uid,
      message: expect.stringContaining('they differ in status.totals.fetched'),
    },
  ]);
});

test('the head in the status of a system shows a chain that was cut, head and all', async () => {
  await bench.start();
  await bench.applySystem(upstream.url);
  await bench.waitForRun(() => true);
  await bench.apply(run('cut', { mode: 'Test' }));
  const cut = await bench.waitForRun(({ metadata }) => metadata.name === 'cut');
  await waitFor('the head of the chain in the status of the system', async () => {
    const { status } = await bench.system();
    return status?.chainHead?.digest === cut.status?.digest;
  });
  const line = (await bench.log())
    .split('\n')
    .find((text) => text.includes('"run ended"') && text.includes('"cut"'));
  expect(JSON.parse(line ?? '{}')).toMatchObject({
    sequence: cut.status?.sequence,
    digest: cut.status?.digest,
  });
  await bench.stop();
  bench.change(
    `DROP TRIGGER runs_kept; DELETE FROM runs WHERE run_name = 'cut';
     UPDATE systems SET sequence = sequence - 1,
       digest = (SELECT digest FROM runs r WHERE r.system = systems.system AND r.sequence = systems.sequence - 1)`,
  );
  const { code, report } = await verify();
  expect(code).toBe(1);
  expect(report.findings).toContainEqual(
    expect.objectContaining({
      kind: 'head',
      sequence: cut.status?.sequence,
      message: expect.stringContaining('which status.chainHead in the cluster kept, is not in the archive'),
    }),
  );
});
