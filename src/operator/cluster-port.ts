// SPDX-License-Identifier: Apache-2.0
import type { ExternalSystem, SyncRun } from '../api/resource.ts';
import type { ExternalSystemStatus } from '../api/external-system.ts';
import type { SyncRunSpec, SyncRunStatus } from '../api/sync-run.ts';

export interface SecretContent {
  readonly uid: string;
  readonly resourceVersion: string;
  /** Base64 by key, as the API gives it. */
  readonly data: Readonly<Record<string, string>>;
}

/** A run to be made. */
export interface NewRun {
  readonly namespace: string;
  readonly name: string;
  readonly spec: SyncRunSpec;
  /** Set for runs that the operator makes: they go when their system goes. */
  readonly owner?: { readonly name: string; readonly uid: string };
}

/** The few writes and reads that reconciling needs of the API server. Errors are ApiError. */
export interface ClusterPort {
  /** Undefined when an object of that name stands there already. */
  createRun(run: NewRun): Promise<SyncRun | undefined>;
  getRun(namespace: string, name: string): Promise<SyncRun | undefined>;
  /** All runs of a system, the ended ones too: only for what has to be looked up once. */
  runsOf(namespace: string, systemName: string): Promise<readonly SyncRun[]>;
  /** Whether there is an ExternalSystem of this name. Needs the right to list, which a watch needs as well. */
  hasSystem(namespace: string, name: string): Promise<boolean>;
  /** Replaces the status; fails with Conflict when the object has changed since it was read. */
  updateRunStatus(run: SyncRun, status: SyncRunStatus): Promise<SyncRun>;
  /** No error when it is gone or has another uid. */
  deleteRun(namespace: string, name: string, uid: string): Promise<void>;
  /** Likewise. */
  updateSystemStatus(system: ExternalSystem, status: ExternalSystemStatus): Promise<ExternalSystem>;
  getSecret(namespace: string, name: string): Promise<SecretContent | undefined>;
}
