// SPDX-License-Identifier: Apache-2.0
import type { KubeConfig } from '@kubernetes/client-node';
import type { ExternalSystem, OwnerReference, SyncRun } from '../api/resource.ts';
import type { ArchivedRun, Store } from '../store/port.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { ArchiveRecovery } from './archive-recovery.ts';
import type { ClusterPort } from './cluster-port.ts';
import type { ControllerMetrics } from './controller-metrics.ts';
import type { CredentialWatch } from './credential-watch.ts';
import type { EventRecorder } from './events.ts';
import type { KubeClient } from './kube-client.ts';
import type { LeaseTimes, ReplicaWatch } from './lease.ts';
import type { RunInput } from './run-carrier.ts';
import type { RunEnder } from './run-ending.ts';

/** What the program hands to the operator. */
export interface ControllerOptions {
  readonly config: KubeConfig;
  readonly store: Store;
  /** The installation that the database may be taken over from. */
  readonly adoptDatabase?: string | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Unique per start of the process; also the name of its Lease. */
  readonly identity: string;
  readonly leaseNamespace: string;
  /** Owner of this replica's Lease, so that it goes with the Pod; absent outside of one. */
  readonly pod?: OwnerReference | undefined;
  /** All namespaces when empty. */
  readonly namespaces: readonly string[];
  readonly concurrentRuns: number;
  readonly leaseTimes?: LeaseTimes;
  readonly specProblem: (system: ExternalSystem) => string | undefined;
  readonly connectorOf: (system: ExternalSystem) => string;
  readonly sync: (input: RunInput) => Promise<ArchivedRun>;
  readonly redact: (text: string) => string;
  /** Nothing more of what a run of this system has read can reach a text: its secrets need not be known any longer. */
  readonly forgetSecrets: (systemKey: string) => void;
  readonly now: () => Date;
  readonly monotonicMs: () => number;
  readonly random: () => number;
}

/** The objects as this process has seen them: all systems, and the runs that have not ended. */
export interface Caches {
  readonly getSystem: (key: string) => ExternalSystem | undefined;
  readonly getRun: (key: string) => SyncRun | undefined;
  readonly systems: () => readonly ExternalSystem[];
  readonly runs: () => readonly SyncRun[];
  readonly runsOf: (systemKey: string) => readonly SyncRun[];
}

/** What the parts of the operator share. */
export interface Parts {
  readonly options: ControllerOptions;
  readonly client: KubeClient;
  readonly cluster: ClusterPort;
  readonly caches: Caches;
  readonly replicas: ReplicaWatch;
  readonly recovery: ArchiveRecovery;
  readonly credentialWatch: CredentialWatch;
  readonly ender: RunEnder;
  readonly events: EventRecorder;
  readonly counts: ControllerMetrics;
  /** A run has ended here; its object is not known when it was gone before. */
  readonly onEnded: (archived: ArchivedRun, run: SyncRun | undefined) => void;
}

/** What every work queue is given besides its work. */
export function queueOptions({ options, counts }: Parts, name: string) {
  const { logger, monotonicMs, random } = options;
  return {
    name,
    onError: (key: string, error: unknown) => logger.warn('work failed', { queue: name, key, error }),
    onWaited: (ms: number) => counts.queueWaited(name, ms),
    monotonicMs,
    random,
  };
}

/** What every Lease is given besides its name. */
export function leaseOptions({ options, client }: Parts) {
  const { logger, leaseNamespace, identity, leaseTimes, now, monotonicMs } = options;
  return {
    client,
    namespace: leaseNamespace,
    holder: identity,
    now,
    monotonicMs,
    onError: (error: unknown) => logger.warn('lease not renewed', { error }),
    ...(leaseTimes === undefined ? {} : { times: leaseTimes }),
  };
}
