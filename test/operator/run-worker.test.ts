// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { apiVersion } from '../../src/api/group.ts';
import type { SyncRun } from '../../src/api/resource.ts';
import type { ClusterPort } from '../../src/operator/cluster-port.ts';
import { RunWorker } from '../../src/operator/run-worker.ts';
import type { ArchivedRun, Store } from '../../src/store/port.ts';

const archived: ArchivedRun = {
  system: 'inventory/cmdb',
  systemUid: 'system-uid',
  runUid: 'run-uid',
  runName: 'cmdb-1',
  attempt: 1,
  mode: 'Full',
  trigger: 'Schedule',
  slot: undefined,
  phase: 'Succeeded',
  failureCode: undefined,
  startedAt: new Date(0),
  endedAt: new Date(0),
  sequence: 1,
  previousDigest: undefined,
  digest: 'sha256:00',
  json: JSON.stringify({ status: { phase: 'Succeeded', attempt: 1 } }),
};

function runOf(phase: 'Running' | 'Succeeded', uid = archived.runUid): SyncRun {
  return {
    apiVersion,
    kind: 'SyncRun',
    metadata: {
      name: archived.runName,
      namespace: 'inventory',
      uid,
      generation: 1,
      resourceVersion: '7',
      creationTimestamp: '2026-03-01T00:00:00Z',
    },
    spec: { systemRef: { name: 'cmdb' }, mode: 'Full' },
    status: { phase, worker: 'me', attempt: 1 },
  };
}

/** A worker whose cache still shows an archived run as Running, and what the cluster has in truth. */
function worker(inCluster: SyncRun | undefined) {
  const ended: string[] = [];
  const written: string[] = [];
  const cluster: Partial<ClusterPort> = {
    getRun: async () => inCluster,
    updateRunStatus: async (run, status) => {
      written.push(status.phase ?? '');
      return run;
    },
  };
  const store: Partial<Store> = { archivedRun: async () => archived };
  const made = new RunWorker({
    identity: 'me',
    cluster: cluster as ClusterPort,
    store: store as Store,
    getRun: () => runOf('Running'),
    getSystem: () => undefined,
    lapsed: () => false,
    sync: async () => Promise.reject(new Error('an archived run must not run again')),
    missedSlots: async () => undefined,
    now: () => new Date(0),
    onClaimed: () => undefined,
    onEnded: ({ metadata }) => ended.push(metadata.name),
  });
  return { made, ended, written };
}

test.each<[string, SyncRun | undefined, readonly string[]]>([
  [
    'whose end did not reach the cluster is copied from the archive and told',
    runOf('Running'),
    ['Succeeded'],
  ],
  ['that shows its end already is not told again, though the cache is behind', runOf('Succeeded'), []],
  ['that is gone is not told again', undefined, []],
  ['whose name another run has now is not told again', runOf('Running', 'other-uid'), []],
])('an archived run %s', async (_case, inCluster, expected) => {
  const { made, ended, written } = worker(inCluster);
  await made.process('inventory/cmdb-1');
  expect(written).toEqual(expected);
  expect(ended).toEqual(expected.map(() => archived.runName));
});
