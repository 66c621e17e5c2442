// SPDX-License-Identifier: Apache-2.0
import type { ExternalSystemSpec, ExternalSystemStatus } from './external-system.ts';
import type { SyncRunSpec, SyncRunStatus } from './sync-run.ts';

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** Metadata of an object as the API server gives it. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly generation: number;
  readonly resourceVersion: string;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface ExternalSystem {
  readonly apiVersion: string;
  readonly kind: 'ExternalSystem';
  readonly metadata: ObjectMeta;
  readonly spec: ExternalSystemSpec;
  readonly status?: ExternalSystemStatus;
}

export interface SyncRun {
  readonly apiVersion: string;
  readonly kind: 'SyncRun';
  readonly metadata: ObjectMeta;
  readonly spec: SyncRunSpec;
  readonly status?: SyncRunStatus;
}
