// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { failureFacts, type FailureCode } from '../../src/api/failure.ts';
import type { SyncRunStatus } from '../../src/api/sync-run.ts';
import { announceEnd } from '../../src/operator/announce.ts';
import type { EventNote } from '../../src/operator/events.ts';

const counters = { fetched: 0, created: 0, updated: 0, unchanged: 0, deleted: 0, failed: 0 };
const subject = {
  apiVersion: 'v1',
  kind: 'ExternalSystem',
  metadata: {
    ...{ name: 'cmdb', namespace: 'inventory', uid: 'uid-1', generation: 1, resourceVersion: '1' },
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
};

function reasonsOf(status: SyncRunStatus): string[] {
  const notes: EventNote[] = [];
  const events = {
    record: (_: unknown, note: EventNote) => {
      notes.push(note);
      return Promise.resolve();
    },
  };
  announceEnd(events, 'run-1', subject, status);
  return notes.map(({ reason }) => reason);
}

function failed(code: FailureCode): Pick<SyncRunStatus, 'phase' | 'failure'> {
  const { class: failureClass, audience } = failureFacts[code];
  return {
    phase: 'PartiallySucceeded',
    failure: { class: failureClass, code, message: 'why', audience },
  };
}

const changed = { ...counters, deleted: 2, failed: 1 };

test.each([
  ['Full', { phase: 'Succeeded', totals: counters }, []],
  ['Full', { ...failed('deletionBudget'), totals: counters }, ['DeletionBudgetPassed']],
  ['Full', { phase: 'Succeeded', totals: changed }, ['RowsSetAside', 'RecordsDeleted']],
  ['Plan', { ...failed('deletionBudget'), totals: changed }, []],
  ['Plan', { phase: 'Succeeded', totals: changed }, []],
  ['Plan', { ...failed('permission'), totals: changed }, ['PermissionDenied']],
] as const)('the end of a run of mode %s, %j, is told as %j', (mode, status, reasons) => {
  expect(reasonsOf({ ...status, mode })).toEqual(reasons);
});
