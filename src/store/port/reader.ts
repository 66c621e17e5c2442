// SPDX-License-Identifier: Apache-2.0
import type { ArchiveReader } from './archive.ts';
import type { PlanStore } from './plans.ts';
import type { ProposalStore } from './proposals.ts';
import type { PurgeStore } from './purges.ts';
import type { QuarantineStore } from './quarantine.ts';
import type { RunStore } from './runs.ts';

/** What commands that only show something ask of the inventory. */
export interface StoredReads
  extends
    Pick<PlanStore, 'plan'>,
    Pick<PurgeStore, 'knownSystems' | 'knownStreams'>,
    Pick<RunStore, 'archivedRun'>,
    Pick<ProposalStore, 'openProposal' | 'proposalOfRun' | 'proposedRecords'>,
    Pick<QuarantineStore, 'quarantinedRows' | 'quarantinedRow'> {}

/** The inventory for whoever only reads: see ArchiveReader for what that means. A right that is missing is DatabaseTrouble. */
export interface InventoryReader extends ArchiveReader, StoredReads {}
