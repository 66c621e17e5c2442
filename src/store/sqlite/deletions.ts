// SPDX-License-Identifier: Apache-2.0
import { recordTables, tableOf } from '../../inventory/columns.ts';
import type { Hold, PassEnd, PassTally, PassVerdict, ScopeTally } from '../port.ts';
import { integer, text, type Database } from './database.ts';
import { checkFence } from './fence.ts';
import { attemptOf, streamOfPass } from './passes.ts';

interface ClosingPass {
  readonly id: number;
  readonly streamId: number;
  readonly system: string;
  readonly stream: string;
  /** Quoted name of the record table. */
  readonly table: string;
}

/** Decides and applies the deletions of a pass and closes it, all in one transaction. */
export function endPass(
  database: Database,
  hold: Hold,
  end: PassEnd,
  decide: (tally: PassTally) => PassVerdict,
): void {
  database.transaction(() => {
    checkFence(database, hold);
    const stream = streamOfPass(database, end.passId);
    const pass: ClosingPass = {
      id: end.passId,
      streamId: stream.id,
      system: stream.system,
      stream: stream.stream,
      table: `"${tableOf(stream.record).name}"`,
    };
    const tally = tallyOf(database, hold, pass, end.budgetSince);
    const verdict = decide(tally);
    const deleted = apply(database, hold, pass, tally, verdict, end.at);
    forgetOldPlaces(database, pass);
    forgetRemovals(database, pass);
    close(database, pass, verdict, end.at);
    database.run(
      `INSERT INTO run_streams (run_uid, stream, record, deleted, verdict) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (run_uid, stream) DO UPDATE SET deleted = deleted + excluded.deleted, verdict = excluded.verdict`,
      hold.runUid,
      stream.stream,
      stream.record,
      deleted,
      JSON.stringify(verdict.stream),
    );
  });
}

/** The scopes of the pass that were read in full, as a subquery; its parameter is the pass. */
const fullScopes = "SELECT scope_id FROM pass_scopes WHERE pass_id = ? AND verdict = 'Full'";

/**
 * Each record of a stream with where and when it was seen last (`scope_id` is that of the newest pass), and in how many scopes it
 * stood that this pass did not read in full. Parameters: the pass, the stream.
 */
const lastSeen = `SELECT external_id, scope_id, max(pass_id) AS pass_id, sum(scope_id NOT IN (${fullScopes})) AS elsewhere
  FROM sightings WHERE stream_id = ? GROUP BY external_id`;

function tallyOf(database: Database, hold: Hold, pass: ClosingPass, since: Date): PassTally {
  const read = new Map(
    database
      .all('SELECT scope_id, verdict, ended_by FROM pass_scopes WHERE pass_id = ?', pass.id)
      .map((row) => [integer(row, 'scope_id'), row]),
  );
  const removals = database.get('SELECT 1 AS one FROM removals WHERE stream_id = ? LIMIT 1', pass.streamId);
  const nothingCanGo =
    removals === undefined && [...read.values()].every((row) => row['verdict'] === 'Window');
  // An incremental run without removals proves nothing: the counts over the whole table are saved.
  const counts = nothingCanGo ? new Map<number, Counts>() : countsOf(database, pass);
  const recent = recentOf(database, pass.system, since);
  const names = new Map(
    database
      .all('SELECT id, scope FROM scopes WHERE stream_id = ?', pass.streamId)
      .map((row) => [integer(row, 'id'), text(row, 'scope')]),
  );
  const ids = new Set([
    ...read.keys(),
    ...[...counts].filter(([, { removed }]) => removed > 0).map(([id]) => id),
  ]);
  const scopes = [...ids].map((id): ScopeTally => {
    const row = read.get(id);
    const { live, absent, removed } = counts.get(id) ?? { live: 0, absent: 0, removed: 0 };
    return {
      scope: names.get(id) ?? '',
      coverage: row === undefined ? 'notRead' : coverageOf(row['verdict']),
      confirmed: row?.['ended_by'] === attemptOf(hold),
      live,
      absent,
      removed,
      recentlyDeleted: recent.get(id) ?? 0,
    };
  });
  const row = database.get('SELECT fetched, set_aside FROM passes WHERE id = ?', pass.id) ?? {};
  return {
    scopes,
    systemLive: nothingCanGo ? 0 : liveOf(database, pass.system),
    systemRecentlyDeleted: [...recent.values()].reduce((sum, records) => sum + records, 0),
    fetched: integer(row, 'fetched'),
    setAside: integer(row, 'set_aside'),
  };
}

/** A scope without a verdict was not read to its end. */
function coverageOf(verdict: unknown): ScopeTally['coverage'] {
  return verdict === 'Full' || verdict === 'Window' ? verdict : 'unverified';
}

interface Counts {
  readonly live: number;
  readonly absent: number;
  readonly removed: number;
}

/** By scope in which they were seen last: live records, those proven absent by this pass, those stated as gone. */
function countsOf(database: Database, pass: ClosingPass): Map<number, Counts> {
  const rows = database.all(
    `SELECT s.scope_id, count(*) AS live, sum(m.external_id IS NOT NULL) AS removed,
       sum(m.external_id IS NULL AND s.pass_id < ? AND s.elsewhere = 0) AS absent
     FROM (${lastSeen}) s
     JOIN ${pass.table} r ON r.system = ? AND r.stream = ? AND r.external_id = s.external_id AND r.deleted_at IS NULL
     LEFT JOIN removals m ON m.stream_id = ? AND m.external_id = s.external_id
     GROUP BY s.scope_id`,
    pass.id,
    pass.id,
    pass.streamId,
    pass.system,
    pass.stream,
    pass.streamId,
  );
  return new Map(
    rows.map((row) => [
      integer(row, 'scope_id'),
      { live: integer(row, 'live'), absent: integer(row, 'absent'), removed: integer(row, 'removed') },
    ]),
  );
}

function recentOf(database: Database, system: string, since: Date): Map<number, number> {
  const rows = database.all(
    'SELECT scope_id, sum(records) AS records FROM deletions WHERE system = ? AND deleted_at >= ? GROUP BY scope_id',
    system,
    since.toISOString(),
  );
  return new Map(rows.map((row) => [integer(row, 'scope_id'), integer(row, 'records')]));
}

function liveOf(database: Database, system: string): number {
  let live = 0;
  for (const { name } of recordTables) {
    const row = database.get(
      `SELECT count(*) AS n FROM "${name}" WHERE system = ? AND deleted_at IS NULL`,
      system,
    );
    live += integer(row ?? {}, 'n');
  }
  return live;
}

function apply(
  database: Database,
  hold: Hold,
  pass: ClosingPass,
  tally: PassTally,
  verdict: PassVerdict,
  at: Date,
): number {
  const time = at.toISOString();
  const mark = `UPDATE ${pass.table} SET deleted_at = ?, changed_at = ?, correlation_id = ?
    WHERE system = ? AND stream = ? AND deleted_at IS NULL AND external_id IN`;
  const common = [time, time, hold.correlationId, pass.system, pass.stream] as const;
  const stated = 'SELECT external_id FROM removals WHERE stream_id = ?';
  let deleted = 0;
  if (verdict.delete.absent && tally.scopes.some(({ absent }) => absent > 0)) {
    const absent = `(SELECT external_id FROM (${lastSeen}) WHERE pass_id < ? AND elsewhere = 0
      AND external_id NOT IN (${stated}))`;
    deleted += database.run(`${mark} ${absent}`, ...common, pass.id, pass.streamId, pass.id, pass.streamId);
  }
  if (verdict.delete.removed && tally.scopes.some(({ removed }) => removed > 0)) {
    deleted += database.run(`${mark} (${stated})`, ...common, pass.streamId);
  }
  if (deleted > 0) noteDeletions(database, hold, pass, tally, verdict, time);
  return deleted;
}

/** For the budget of the next 24 hours, by scope. */
function noteDeletions(
  database: Database,
  hold: Hold,
  pass: ClosingPass,
  tally: PassTally,
  verdict: PassVerdict,
  time: string,
): void {
  for (const { scope, absent, removed } of tally.scopes) {
    const records = (verdict.delete.absent ? absent : 0) + (verdict.delete.removed ? removed : 0);
    if (records === 0) continue;
    database.run(
      `INSERT INTO deletions (system, scope_id, run_uid, deleted_at, records)
       SELECT ?, id, ?, ?, ? FROM scopes WHERE stream_id = ? AND scope = ?`,
      pass.system,
      hold.runUid,
      time,
      records,
      pass.streamId,
      scope,
    );
  }
}

/** A record that was seen in this pass no longer stands in the scopes that were read in full without it. */
function forgetOldPlaces(database: Database, pass: ClosingPass): void {
  const scopes = database.get('SELECT count(*) AS n FROM scopes WHERE stream_id = ?', pass.streamId);
  if (integer(scopes ?? {}, 'n') < 2) return;
  database.run(
    `DELETE FROM sightings AS s WHERE stream_id = ? AND pass_id < ? AND scope_id IN (${fullScopes})
       AND EXISTS (SELECT 1 FROM sightings o
         WHERE o.stream_id = s.stream_id AND o.external_id = s.external_id AND o.pass_id = ?)`,
    pass.streamId,
    pass.id,
    pass.id,
    pass.id,
  );
}

/** What is deleted, or was never there, need not be stated any longer; the rest waits. */
function forgetRemovals(database: Database, pass: ClosingPass): void {
  database.run(
    `DELETE FROM removals WHERE stream_id = ? AND NOT EXISTS (SELECT 1 FROM ${pass.table} r
       WHERE r.system = ? AND r.stream = ? AND r.external_id = removals.external_id AND r.deleted_at IS NULL)`,
    pass.streamId,
    pass.system,
    pass.stream,
  );
}

function close(database: Database, pass: ClosingPass, verdict: PassVerdict, at: Date): void {
  database.run('UPDATE passes SET closed_at = ? WHERE id = ?', at.toISOString(), pass.id);
  const { complete, fullAt } = verdict.stream;
  if (complete && fullAt !== undefined) {
    database.run('UPDATE streams SET last_full_at = ? WHERE id = ?', fullAt, pass.streamId);
  }
  if (!verdict.keepCursors) return;
  database.run(
    `UPDATE scopes SET cursor = p.cursor FROM pass_scopes p
     WHERE p.pass_id = ? AND p.scope_id = scopes.id AND p.verdict IN ('Full', 'Window') AND p.cursor IS NOT NULL`,
    pass.id,
  );
}

export function recordCounts(database: Database, system: string) {
  return recordTables.map(({ kind, name }) => {
    const row = database.get(
      `SELECT sum(deleted_at IS NULL) AS live, sum(deleted_at IS NOT NULL) AS deleted FROM "${name}" WHERE system = ?`,
      system,
    );
    return { kind, live: integer(row ?? {}, 'live'), deleted: integer(row ?? {}, 'deleted') };
  });
}
