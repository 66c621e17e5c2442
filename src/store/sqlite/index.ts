// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Store } from '../port.ts';
import * as archive from './archive.ts';
import { Database } from './database.ts';
import { endPass, recordCounts } from './deletions.ts';
import { claim, progress } from './fence.ts';
import { history, slotBefore } from './history.ts';
import { claimInstallation, migrate } from './migrate.ts';
import { quarantine, writePage } from './pages.ts';
import { beginPass, endScope } from './passes.ts';
import { openRuns } from './run-rows.ts';

/**
 * The inventory in one SQLite file: one operator replica, beside it the CLI. Every method runs to its end without
 * yielding; a page of a thousand records holds the loop for some tens of milliseconds.
 */
export function sqliteStore(file: string): Store {
  let connection: Database | undefined;

  function database(): Database {
    if (connection === undefined) throw new Error(`the database ${file} is not open`);
    return connection;
  }

  return {
    async open({ installation }) {
      if (file !== ':memory:') mkdirSync(dirname(resolve(file)), { recursive: true });
      const opened = new Database(file);
      try {
        await opened.useWriteAheadLog();
        migrate(opened, file);
        if (installation !== undefined) claimInstallation(opened, file, installation);
      } catch (error) {
        opened.close();
        throw error;
      }
      connection = opened;
    },
    async close() {
      connection?.close();
      connection = undefined;
    },
    async ping() {
      database().get('SELECT 1 AS one');
    },
    claim: async (request) => claim(database(), request),
    beginPass: async (hold, pass) => beginPass(database(), hold, pass),
    writePage: async (hold, page) => writePage(database(), hold, page),
    endScope: async (hold, end) => endScope(database(), hold, end),
    endPass: async (hold, end, decide) => endPass(database(), hold, end, decide),
    progress: async (runUid) => progress(database(), runUid),
    finish: async (hold, build) => archive.finish(database(), hold, build),
    finishUnclaimed: async (request, build) => archive.finishUnclaimed(database(), request, build),
    archivedRun: async (runUid) => archive.archivedRun(database(), runUid),
    openRuns: async () => openRuns(database()),
    slotBefore: async (systemUid, slot) => slotBefore(database(), systemUid, slot),
    archivedRuns: async (system, limit) => archive.archivedRuns(database(), system, limit),
    archivedRunNamed: async (system, runName) => archive.archivedRunNamed(database(), system, runName),
    unprunedRuns: async (system) => archive.unprunedRuns(database(), system),
    unprunedSystems: async () => archive.unprunedSystems(database()),
    markPruned: async (runUids) => archive.markPruned(database(), runUids),
    history: async (system, systemUid) => history(database(), system, systemUid),
    quarantine: async (system, limit) => quarantine(database(), system, limit),
    recordCounts: async (system) => recordCounts(database(), system),
  };
}
