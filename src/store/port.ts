// SPDX-License-Identifier: Apache-2.0
import type { RecordKind } from '../inventory/kinds.ts';
import type { CertificateStore } from './port/certificates.ts';
import type { PassStore } from './port/passes.ts';
import type { ProposalStore } from './port/proposals.ts';
import type { PlanStore } from './port/plans.ts';
import type { QuarantineStore } from './port/quarantine.ts';
import type { RunStore } from './port/runs.ts';
import type { PurgeStore, RecordStates } from './port/purges.ts';
import type { WithdrawalStore } from './port/withdrawals.ts';

export type * from './port/candidates.ts';
export type * from './port/certificates.ts';
export type * from './port/hold.ts';
export type * from './port/passes.ts';
export type * from './port/proposals.ts';
export type * from './port/plans.ts';
export type * from './port/quarantine.ts';
export type * from './port/purges.ts';
export type * from './port/rows.ts';
export type * from './port/runs.ts';
export type * from './port/stored-values.ts';
export type * from './port/withdrawals.ts';
export {
  DatabaseRefused,
  DatabaseTrouble,
  FenceLost,
  RunEnded,
  SlotTaken,
  SourceChanged,
  SystemBusy,
} from './refusals.ts';

/**
 * The inventory database as the rest of the program sees it. One engine: one implementation; one contract suite
 * runs over all. Every method is one transaction and ends within a bound of the engine's own. Methods that take a Hold hold
 * the fence until their transaction ends, and throw FenceLost when another attempt or run has the system. Callbacks are
 * pure: an engine calls them again when the database asks for a transaction to be repeated.
 */
export interface Store
  extends
    RunStore,
    PassStore,
    ProposalStore,
    QuarantineStore,
    WithdrawalStore,
    PurgeStore,
    PlanStore,
    CertificateStore {
  /** Applies migrations under a lock. Throws DatabaseRefused for a newer schema, or one that is not ours. */
  open(): Promise<void>;
  /**
   * For an operator: binds the database to its installation the first time, and checks that from then on; the CLI binds nothing and
   * may use the database of any. `adopt` names the installation that it may be taken over from. Answers whom it was taken over
   * from, if it was. Throws DatabaseRefused.
   */
  bind(installation: string, adopt?: string): Promise<string | undefined>;
  close(): Promise<void>;
  /** Cheap check for readiness; throws when the database cannot be used, DatabaseRefused when it may no longer be. */
  ping(): Promise<void>;

  /** Records by kind and state, each in one: deleted, else withdrawn, else live. */
  recordCounts(system: string): Promise<readonly (RecordStates & { readonly kind: RecordKind })[]>;
}
