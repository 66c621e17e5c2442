// SPDX-License-Identifier: Apache-2.0
import { copyFile, rm } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { auditEntry } from '../../src/cli/audit.ts';
import { backupCommand } from '../../src/cli/backup.ts';
import { call } from '../cli/cli-bench.ts';
import { plantServers, type Planted } from '../connectors/servicenow-cmdb/plant.ts';
import { run } from '../kit/manifests.ts';
import { OperatorBench, password } from '../kit/operator-bench.ts';
import { waitFor } from '../kit/wait.ts';

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

const ended = (name: string) => bench.waitForRun(({ metadata }) => metadata.name === name);

test('a database that was restored from a backup gets the runs that the cluster has, and reads in full', async () => {
  await bench.start();
  await bench.applySystem(upstream.url);
  await bench.waitForRun(() => true);
  const backup = `${bench.database}.backup`;
  const made = await call(backupCommand, ['--store', `sqlite:${bench.database}`, '--to', backup]);
  expect(made.code, made.err).toBe(0);
  await bench.apply(run('lost', { mode: 'Full' }));
  const lost = await ended('lost');
  await waitFor('the head of the chain in the status of the system', async () => {
    const { status } = await bench.system();
    return status?.chainHead?.digest === lost.status?.digest;
  });

  await bench.stop();
  for (const suffix of ['', '-wal', '-shm']) await rm(`${bench.database}${suffix}`, { force: true });
  await copyFile(backup, bench.database);
  await bench.start();
  await bench.apply(run('next'));
  const next = await ended('next');
  expect(bench.rows('SELECT run_name, digest, recovered FROM runs WHERE sequence = 2')).toEqual([
    { run_name: 'lost', digest: lost.status?.digest, recovered: 1 },
  ]);
  expect(next.status).toMatchObject({ sequence: 3, previousDigest: lost.status?.digest });
  expect(next.status?.streams?.map(({ mode }) => mode)).toEqual(['Full']);
  expect(await bench.log()).toContain('archive was behind the cluster');
  const audited = await call(auditEntry.run, ['verify', '--store', `sqlite:${bench.database}`]);
  expect(audited.out).toContain('3 runs of 1 systems: sound');
});
