// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { annotations, apiVersion } from '../../src/api/group.ts';
import type { ExternalSystem, ObjectMeta, SyncRun } from '../../src/api/resource.ts';
import { refusalOf } from '../../src/operator/run-refusal.ts';

const now = new Date('2026-03-02T12:00:00Z');

const meta: ObjectMeta = {
  name: 'cmdb',
  namespace: 'ns',
  uid: 'uid',
  generation: 3,
  resourceVersion: '1',
  creationTimestamp: '2026-03-02T11:59:30Z',
};

function system(suspend = false, uid = 'uid'): ExternalSystem {
  return {
    apiVersion,
    kind: 'ExternalSystem',
    metadata: { ...meta, uid },
    spec: { connector: { fake: {} }, auth: { type: 'None' }, suspend },
  };
}

interface Given {
  readonly spec?: Partial<SyncRun['spec']>;
  readonly ref?: Partial<SyncRun['spec']['systemRef']>;
  readonly status?: SyncRun['status'];
  readonly ours?: boolean;
  readonly cancel?: boolean;
  readonly createdAt?: string;
}

function run({ spec, ref, status, ours, cancel, createdAt }: Given = {}): SyncRun {
  return {
    apiVersion,
    kind: 'SyncRun',
    metadata: {
      ...meta,
      name: 'run',
      creationTimestamp: createdAt ?? meta.creationTimestamp,
      ...(ours === true
        ? {
            ownerReferences: [
              { apiVersion, kind: 'ExternalSystem', name: 'cmdb', uid: 'uid', controller: true },
            ],
          }
        : {}),
      ...(cancel === true ? { annotations: { [annotations.cancel]: 'true' } } : {}),
    },
    spec: { systemRef: { name: 'cmdb', ...ref }, mode: 'Full', ...spec },
    ...(status === undefined ? {} : { status }),
  };
}

const running = { phase: 'Running', systemUid: 'uid', systemGeneration: 3 } as const;
const gone = 'gone' as const;

test.each<[string, Given, ExternalSystem | typeof gone, string | undefined]>([
  ['is carried out', {}, system(), undefined],
  ['that names what it means is carried out', { ref: { uid: 'uid', generation: 3 } }, system(), undefined],
  ['that was cancelled', { cancel: true }, gone, 'Cancelled cancelled'],
  ['waits for its system', {}, gone, 'wait'],
  ['whose system did not come', { createdAt: '2026-03-02T11:58:00Z' }, gone, 'Failed configuration'],
  ['whose system was deleted while it ran', { status: running }, gone, 'Cancelled cancelled'],
  ['of a person for another uid', { ref: { uid: 'old' } }, system(), 'Failed configuration'],
  [
    'of ours for an object that was made again',
    { ref: { uid: 'old' }, ours: true },
    system(),
    'Cancelled cancelled',
  ],
  [
    'that ran for an object that was made again',
    { status: running },
    system(false, 'new'),
    'Cancelled cancelled',
  ],
  ['of a person for another generation', { ref: { generation: 2 } }, system(), 'Failed configuration'],
  [
    'of a person for another generation, trigger and all',
    { ref: { generation: 2 }, spec: { trigger: 'Manual' } },
    system(),
    'Failed configuration',
  ],
  [
    'of ours for an older generation',
    { ref: { uid: 'uid', generation: 2 }, ours: true },
    system(),
    'Cancelled cancelled',
  ],
  ['of ours for any generation is carried out', { ref: { uid: 'uid' }, ours: true }, system(), undefined],
  [
    'that began with an older generation',
    { status: { ...running, systemGeneration: 2 } },
    system(),
    'Cancelled cancelled',
  ],
  [
    'for a slot that is yet to come',
    { spec: { scheduledTime: '2999-01-01T00:00:00Z' } },
    system(),
    'Failed configuration',
  ],
  ['of a suspended system', {}, system(true), 'Skipped configuration'],
  ['of mode Test of a suspended system is carried out', { spec: { mode: 'Test' } }, system(true), undefined],
  [
    'that had begun before its system was suspended is carried out',
    { status: running },
    system(true),
    undefined,
  ],
])('a run %s', (_, given, found, expected) => {
  const refusal = refusalOf(run(given), found === gone ? undefined : found, now);
  const said =
    refusal === undefined || refusal === 'wait' ? refusal : `${refusal.phase} ${refusal.failure.code}`;
  expect(said).toBe(expected);
});
