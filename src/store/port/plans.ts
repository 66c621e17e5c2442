// SPDX-License-Identifier: Apache-2.0
import type { PassWriter } from './passes.ts';
import type { Hold } from './hold.ts';

/** What a Full run would do with a record. Withheld: it looks gone and would be kept all the same. */
export const planActions = ['create', 'update', 'delete', 'withhold', 'setAside'] as const;
export type PlanAction = (typeof planActions)[number];

export interface PlannedChange {
  /** Field of the record, or `attributes.NAME`. */
  readonly field: string;
  /** As text, cut at a bound, secrets removed; undefined where there is none. */
  readonly before?: string;
  readonly after?: string;
}

/** One record of those that a plan counted. */
export interface PlanSample {
  readonly action: PlanAction;
  readonly externalId?: string;
  readonly name?: string;
  /** Of an update; some of them when there are many. */
  readonly changes?: readonly PlannedChange[];
  /** Why a row would be set aside, or a record withheld. */
  readonly reason?: string;
}

export interface PlannedStream {
  readonly stream: string;
  /** In how many records a field would change, the most frequent first. */
  readonly fields: readonly { readonly field: string; readonly records: number }[];
  readonly withheldReason?: string;
  readonly samples: readonly PlanSample[];
}

export interface Plan {
  /** `namespace/name`. */
  readonly system: string;
  readonly runUid: string;
  readonly runName: string;
  readonly streams: readonly PlannedStream[];
}

export interface PlanStore {
  /**
   * Takes what a run of mode Plan reads and counts, in the same steps as a Full run, what that would change. Writes the run's counts
   * and verdicts, and tables of its own; each stream starts anew with each attempt. `redact` takes secrets out of what is shown.
   */
  planWriter(redact: (text: string) => string): PassWriter;
  /**
   * Clears what plans of the system work with, also those that were stopped in their midst, in transactions of a page's size, and
   * forgets all plans but the newest ten.
   */
  tidyPlans(hold: Hold): Promise<void>;
  /** The plan of the run with this name or uid, else the newest; of the named system, else of any. */
  plan(which: {
    readonly run?: string | undefined;
    readonly system?: string | undefined;
  }): Promise<Plan | undefined>;
}
