// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { annotations, apiVersion, syncRunKind } from '../api/group.ts';
import { parseDurationMs } from '../api/duration.ts';
import type { SyncRun } from '../api/resource.ts';
import type { Check, RunMode } from '../api/sync-run.ts';
import type { Connector } from '../connector/contract.ts';
import { FenceLost, type Store } from '../store/port.ts';
import { runSync, type Progress } from '../sync/engine.ts';
import { seconds } from '../api/time.ts';
import { statusFromArchive } from '../sync/run-record.ts';
import { cliWorker, endTakenFileRuns } from '../sync/unclaimed-end.ts';
import type { Runtime } from './runtime.ts';
import type { LocalSystem } from './local-system.ts';

export interface LocalRun {
  readonly local: LocalSystem;
  readonly connector: Connector;
  readonly store: Store;
  readonly mode: RunMode;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
  readonly onCheck: (check: Check) => void;
}

/** Carries out one run from a file by the same engine and under the same fence as in a cluster. */
export async function runLocal(run: LocalRun, runtime: Runtime): Promise<SyncRun> {
  const { system, secret } = run.local;
  const { name, namespace } = system.metadata;
  const uid = randomUUID();
  const createdAt = runtime.now();
  const runName = `${name}-cli-${Math.floor(createdAt.getTime() / 1000)}`;
  const spec = { systemRef: { name }, mode: run.mode } as const;
  const { softTimeLimit = '25m', hardTimeLimit = '30m' } = system.spec.limits ?? {};
  const key = `${namespace}/${name}`;
  const archived = await runSync(
    {
      system: {
        key,
        uid: system.metadata.uid,
        generation: system.metadata.generation,
        spec: system.spec,
        approval: system.metadata.annotations?.[annotations.approveDeletions],
      },
      run: { name: runName, uid, spec, attempt: 1 },
      worker: `${cliWorker}${process.pid}`,
      limits: {
        softMs: parseDurationMs(softTimeLimit) ?? 25 * 60_000,
        hardMs: parseDurationMs(hardTimeLimit) ?? 30 * 60_000,
      },
    },
    runtime.dependencies({
      system,
      connector: run.connector,
      store: run.store,
      readSecret: async () => secret,
      signal: run.signal,
      onConnected: () => undefined,
      onProgress: run.onProgress,
      onCheck: run.onCheck,
    }),
  ).catch(async (error: unknown) => {
    if (!(error instanceof FenceLost)) throw error;
    // The run that has the system now may have ended this one already.
    await endTakenFileRuns(run.store, key, runtime.now());
    const ended = await run.store.archivedRun(uid);
    if (ended === undefined) throw error;
    return ended;
  });
  return {
    apiVersion,
    kind: syncRunKind,
    metadata: {
      name: runName,
      namespace,
      uid,
      generation: 1,
      resourceVersion: '',
      creationTimestamp: seconds(createdAt),
    },
    spec,
    status: statusFromArchive(archived),
  };
}
