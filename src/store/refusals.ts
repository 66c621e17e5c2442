// SPDX-License-Identifier: Apache-2.0
import type { ArchivedRun } from './port/runs.ts';

/** Another attempt or run holds the system: the caller must stop without a further write. */
export class FenceLost extends Error {
  constructor(system: string) {
    super(`the hold on ${system} was lost to another run or attempt`);
    this.name = 'FenceLost';
  }
}

/** The database is not for this program: its schema is newer or not ours, or it belongs to another installation. */
export class DatabaseRefused extends Error {
  override readonly name = 'DatabaseRefused';
}

/** The database cannot be used now, and a person must mend it: no space, no permission, damage. The message says how. */
export class DatabaseTrouble extends Error {
  override readonly name = 'DatabaseTrouble';
}

/** Another run of the same system has taken the slot. */
export class SlotTaken extends Error {
  constructor(system: string, slot: Date) {
    super(`slot ${slot.toISOString()} of ${system} was taken by another run`);
    this.name = 'SlotTaken';
  }
}

/** The run has ended already; its archived record is the truth. */
export class RunEnded extends Error {
  readonly archived: ArchivedRun;
  constructor(archived: ArchivedRun) {
    super(`run ${archived.runName} has ended as ${archived.phase}`);
    this.name = 'RunEnded';
    this.archived = archived;
  }
}

/** The rows under this name come from another source. */
export class SourceChanged extends Error {
  constructor(system: string, bound: string, source: string) {
    super(
      `the rows of ${system} come from ${bound}, not from ${source}; if it is the same data under a new address: ` +
        `extsys adopt ${system} --source '${source}' --store URL; if it is another source: extsys purge ${system} --all --store URL, ` +
        'or another name for the ExternalSystem',
    );
    this.name = 'SourceChanged';
  }
}

/** A run of the system is under way: what would go on beside it must wait. */
export class SystemBusy extends Error {
  readonly worker: string;
  constructor(system: string, runName: string, worker: string) {
    super(`run ${runName} of ${system} is under way (worker ${worker})`);
    this.name = 'SystemBusy';
    this.worker = worker;
  }
}
