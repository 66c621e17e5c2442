// SPDX-License-Identifier: Apache-2.0
import type { Store } from '../port.ts';
import type { Admission } from './admission.ts';
import * as archive from './archive.ts';
import { endPass, recordCounts } from './deletions.ts';
import { claim, progress } from './fence.ts';
import { history, slotBefore } from './history.ts';
import { writePage } from './pages.ts';
import { beginPass, endScope } from './passes.ts';
import { planStore } from './plans.ts';
import { quarantine } from './quarantine.ts';
import { recover } from './recovery.ts';
import { openRuns } from './run-rows.ts';
import type { Sql, SqlEngine } from './sql.ts';

/** All of the port but opening and closing: each method is one transaction of statements that all engines understand. */
export function sqlStore(engine: SqlEngine, admission: Admission): Omit<Store, 'open' | 'close'> {
  const { transaction, read } = engine;
  const admitted = <T>(work: (sql: Sql) => Promise<T>): Promise<T> =>
    transaction(async (sql) => {
      await admission.check(sql);
      return work(sql);
    });
  return {
    bind: (installation, adopt) => transaction((sql) => admission.bind(sql, installation, adopt)),
    ping: () => read((sql) => admission.check(sql)),
    claim: (request) => admitted((sql) => claim(sql, request)),
    beginPass: (hold, pass) => transaction((sql) => beginPass(sql, hold, pass)),
    writePage: (hold, page) => transaction((sql) => writePage(sql, hold, page)),
    endScope: (hold, end) => transaction((sql) => endScope(sql, hold, end)),
    endPass: (hold, end, decide) => transaction((sql) => endPass(sql, hold, end, decide)),
    progress: (runUid) => read((sql) => progress(sql, runUid)),
    finish: (hold, build) => transaction((sql) => archive.finish(sql, hold, build)),
    finishUnclaimed: (request, build) => admitted((sql) => archive.finishUnclaimed(sql, request, build)),
    recover: (system, head, runs) => admitted((sql) => recover(sql, system, head, runs)),
    archivedRun: (runUid) => read((sql) => archive.archivedRun(sql, runUid)),
    openRuns: () => read(openRuns),
    slotBefore: (systemUid, slot) => read((sql) => slotBefore(sql, systemUid, slot)),
    archivedRuns: (system, limit) => read((sql) => archive.archivedRuns(sql, system, limit)),
    archivedRunNamed: (system, runName) => read((sql) => archive.archivedRunNamed(sql, system, runName)),
    unprunedRuns: (system) => read((sql) => archive.unprunedRuns(sql, system)),
    unprunedSystems: () => read(archive.unprunedSystems),
    markPruned: (runUids) => transaction((sql) => archive.markPruned(sql, runUids)),
    history: (system, systemUid) => read((sql) => history(sql, system, systemUid)),
    ...planStore(engine),
    quarantine: (system, limit) => read((sql) => quarantine(sql, system, limit)),
    recordCounts: (system) => read((sql) => recordCounts(sql, system)),
  };
}
