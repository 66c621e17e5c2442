// SPDX-License-Identifier: Apache-2.0
import type { FailureCode } from '../api/failure.ts';
import type { RunMode } from '../api/sync-run.ts';
import type { PassWriter, Store } from '../store/port.ts';
import { inQuarantine } from './set-aside.ts';

/** Failures by which a plan says something of the connection. The others tell what a Full run would do. */
const ofConnection: Readonly<Record<FailureCode, boolean>> = {
  unavailable: true,
  throttled: true,
  credentials: true,
  permission: true,
  internal: false,
  contract: false,
  configuration: false,
  deletionBudget: false,
  cancelled: false,
};

/** Whether the end of a run is a verdict on the connection: it proved it, or failed by it. */
export function isVerdict(mode: RunMode, connected: boolean, failure: FailureCode | undefined): boolean {
  // What was stopped before it reached the vendor says nothing of it.
  if (!connected) return failure !== 'cancelled';
  return mode !== 'Plan' || failure === undefined || ofConnection[failure];
}

export interface Reading {
  readonly store: PassWriter;
  readonly mode: 'Full' | 'Incremental';
  readonly atSoftLimit: string;
  readonly setAsideWhere: string;
  readonly beyondBudget: BeyondBudget;
}

/** What becomes of deletions that passed the budget. */
export type BeyondBudget = (found: {
  /** What was deleted nevertheless, as `nothing`. */
  readonly deleted: string;
  /** By a full pass, which proposes them. */
  readonly proposed: boolean;
}) => string;

/** How a mode reads, and where to. */
export function readingOf(mode: RunMode, store: Store, redact: (text: string) => string): Reading {
  if (mode === 'Plan') {
    return {
      store: store.planWriter(redact),
      mode: 'Full',
      atSoftLimit:
        'the soft time limit was reached, and a plan is not gone on with; raise spec.limits.softTimeLimit to plan the whole system',
      setAsideWhere: 'extsys plan show lists some, with their reasons',
      beyondBudget: ({ deleted }) => `a Full run would delete ${deleted} and propose them for approval`,
    };
  }
  return {
    store,
    mode: mode === 'Full' ? 'Full' : 'Incremental',
    atSoftLimit: 'the soft time limit was reached; the next run goes on from the checkpoint',
    setAsideWhere: inQuarantine,
    beyondBudget: ({ deleted, proposed }) =>
      proposed
        ? `${deleted} was deleted; check the source, then approve with extsys approve (of a file: by annotation), or raise deletion.budget for one full run`
        : `${deleted} was deleted; the next full run proposes them for approval`,
  };
}
