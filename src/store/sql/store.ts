// SPDX-License-Identifier: Apache-2.0
import type { Store } from '../port.ts';
import { actions } from './actions.ts';
import type { Admission } from './admission.ts';
import * as archive from './archive.ts';
import { candidates, sightAgain, sightYoung, standing, stateGone } from './candidates.ts';
import { ssoCertificates } from './certificates.ts';
import { endPass, recordCounts } from './deletions.ts';
import { claim, progress } from './fence.ts';
import { systemsOfObjects, withdrawSystem } from './gone-systems.ts';
import { history, slotBefore } from './history.ts';
import { holdings } from './holdings.ts';
import { writePage } from './pages.ts';
import { beginPass, boundSource, endScope, lastEvidence, streamOfPass } from './passes.ts';
import { closingPass } from './pass-tally.ts';
import * as purges from './purges.ts';
import { pruneQuarantine } from './quarantine-keeping.ts';
import { planStore } from './plans.ts';
import { sqlReads } from './reader.ts';
import { recover } from './recovery.ts';
import { openRuns } from './run-rows.ts';
import { replay, rowsToReplay } from './replay.ts';
import type { Sql, SqlEngine } from './sql.ts';
import { storedValues } from './stored-values.ts';
import { withdrawStreams } from './withdrawals.ts';

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
    lastEvidence: (passId, scope) =>
      read(async (sql) => lastEvidence(sql, (await streamOfPass(sql, passId)).id, scope, passId)),
    endPass: (hold, end, decide) => transaction((sql) => endPass(sql, hold, end, decide)),
    standing: (passId) => read(async (sql) => standing(sql, await closingPass(sql, passId))),
    candidates: (passId, limit) =>
      read(async (sql) => candidates(sql, await closingPass(sql, passId), limit)),
    sightYoung: (hold, passId, since) => transaction((sql) => sightYoung(sql, hold, passId, since)),
    sightAgain: (hold, passId, found) => transaction((sql) => sightAgain(sql, hold, passId, found)),
    stateGone: (hold, passId, gone) => transaction((sql) => stateGone(sql, hold, passId, gone)),
    storedValues: (stream, ids, columns) => read((sql) => storedValues(sql, stream, ids, columns)),
    boundSource: (system) => read((sql) => boundSource(sql, system)),
    progress: (runUid) => read((sql) => progress(sql, runUid)),
    finish: (hold, build) => transaction((sql) => archive.finish(sql, hold, build)),
    finishUnclaimed: (request, build) => admitted((sql) => archive.finishUnclaimed(sql, request, build)),
    recover: (system, head, runs) => admitted((sql) => recover(sql, system, head, runs)),
    openRuns: () => read(openRuns),
    slotBefore: (systemUid, slot) => read((sql) => slotBefore(sql, systemUid, slot)),
    hasRead: (system, uid, generation) => read((sql) => archive.hasRead(sql, system, uid, generation)),
    archivedRuns: (system, limit) => read((sql) => archive.archivedRuns(sql, system, limit)),
    archivedRunNamed: (system, runName) => read((sql) => archive.archivedRunNamed(sql, system, runName)),
    unprunedRuns: (system) => read((sql) => archive.unprunedRuns(sql, system)),
    unprunedSystems: () => read(archive.unprunedSystems),
    markPruned: (runUids) => transaction((sql) => archive.markPruned(sql, runUids)),
    history: (system, systemUid) => read((sql) => history(sql, system, systemUid)),
    withdrawStreams: (hold, asked, at) => transaction((sql) => withdrawStreams(sql, hold, asked, at)),
    systemsOfObjects: () => read(systemsOfObjects),
    withdrawSystem: (gone, by) => admitted((sql) => withdrawSystem(sql, gone, by)),
    actions: (system, limit) => read((sql) => actions(sql, system, limit)),
    holdings: (system) => read((sql) => holdings(sql, system)),
    adoptSource: (system, source, by, takeOver) =>
      admitted((sql) => purges.adoptSource(sql, system, source, by, takeOver)),
    beginPurge: (request) => admitted((sql) => purges.beginPurge(sql, request)),
    purgeBatch: (purge, stream, after, limit) =>
      transaction((sql) => purges.purgeBatch(sql, purge, stream, after, limit)),
    endPurge: (purge, erased, at) => transaction((sql) => purges.endPurge(sql, purge, erased, at)),
    ...planStore(engine),
    ...sqlReads(read),
    pruneQuarantine: (system, before, limit) =>
      transaction((sql) => pruneQuarantine(sql, system, before, limit)),
    rowsToReplay: (passId, after, limit) => read((sql) => rowsToReplay(sql, passId, after, limit)),
    replay: (hold, page) => transaction((sql) => replay(sql, hold, page)),
    ssoCertificates: (system, question) => read((sql) => ssoCertificates(sql, system, question)),
    recordCounts: (system) => read((sql) => recordCounts(sql, system)),
  };
}
