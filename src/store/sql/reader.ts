// SPDX-License-Identifier: Apache-2.0
import type { InventoryReader, StoredReads } from '../port/reader.ts';
import { archivedRun } from './archive.ts';
import { sqlArchiveReader } from './archive-reader.ts';
import { knownSystems, streamNames } from './holdings.ts';
import { planOf } from './plans.ts';
import { openProposal, proposalOfRun, proposedRecords } from './proposals.ts';
import { quarantinedRow, quarantinedRows } from './quarantine.ts';
import type { SqlEngine } from './sql.ts';

/** All of the reader but opening and closing. */
export function sqlReader(read: SqlEngine['read']): Omit<InventoryReader, 'open' | 'close'> {
  return { ...sqlArchiveReader(read), ...sqlReads(read) };
}

/** The part that the store has, too. */
export function sqlReads(read: SqlEngine['read']): StoredReads {
  return {
    plan: (which) => read((sql) => planOf(sql, which.run, which.system)),
    knownSystems: () => read(knownSystems),
    knownStreams: (system) => read((sql) => streamNames(sql, system)),
    archivedRun: (runUid) => read((sql) => archivedRun(sql, runUid)),
    openProposal: (system) => read((sql) => openProposal(sql, system)),
    proposalOfRun: (system, runName) => read((sql) => proposalOfRun(sql, system, runName)),
    proposedRecords: (system, runName, after, limit) =>
      read((sql) => proposedRecords(sql, system, runName, after, limit)),
    quarantinedRows: (filter) => read((sql) => quarantinedRows(sql, filter)),
    quarantinedRow: (id) => read((sql) => quarantinedRow(sql, id)),
  };
}
