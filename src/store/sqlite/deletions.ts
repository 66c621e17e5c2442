// SPDX-License-Identifier: Apache-2.0
import { recordTables, tableOf } from '../../inventory/columns.ts';
import type { DeletionResult, DeletionTally, DeletionVerdict, Hold, PassEnd, ScopeTally } from '../port.ts';
import { integer, text, type Database } from './database.ts';
import { checkFence } from './fence.ts';
import { streamOfPass } from './passes.ts';

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
  decide: (tally: DeletionTally) => DeletionVerdict,
): DeletionResult {
  return database.transaction(() => {
    checkFence(database, hold);
    const stream = streamOfPass(database, end.passId);
    const pass: ClosingPass = {
      id: end.passId,
      streamId: stream.id,
      system: stream.system,
      stream: stream.stream,
      table: `"${tableOf(stream.record).name}"`,
    };
    const tally = tallyOf(database, pass, end.budgetSince);
    const verdict = decide(tally);
    const deleted = apply(database, hold, pass, verdict, end.at);
    const candidates = tally.scopes.reduce((sum, scope) => sum + scope.absent + scope.removed, 0);
    database.run('UPDATE passes SET closed_at = ? WHERE id = ?', end.at.toISOString(), pass.id);
    database.run('DELETE FROM removals WHERE stream_id = ?', pass.streamId);
    if (deleted > 0) {
      database.run(
        `INSERT INTO run_streams (run_uid, stream, record, deleted) VALUES (?, ?, ?, ?)
         ON CONFLICT (run_uid, stream) DO UPDATE SET deleted = deleted + excluded.deleted`,
        hold.runUid,
        stream.stream,
        stream.record,
        deleted,
      );
    }
    return { deleted, withheld: candidates - deleted };
  });
}

function tallyOf(database: Database, pass: ClosingPass, since: Date): DeletionTally {
  const scopes = database.all(
    `SELECT s.id, s.scope, coalesce(p.verdict, 'unverified') AS verdict
     FROM pass_scopes p JOIN scopes s ON s.id = p.scope_id WHERE p.pass_id = ?`,
    pass.id,
  );
  const removals = database.get(
    'SELECT count(*) AS n FROM removals WHERE stream_id = ? AND pass_id = ?',
    pass.streamId,
    pass.id,
  );
  const nothingCanGo =
    integer(removals ?? {}, 'n') === 0 && scopes.every((row) => text(row, 'verdict') === 'Window');
  // An incremental run without removals proves nothing: the counts over the whole table are saved.
  const counts = nothingCanGo ? new Map<number, Counts>() : countsOf(database, pass);
  const recent = recentOf(database, pass.system, since);
  const tallies = scopes.map((row): ScopeTally => {
    const id = integer(row, 'id');
    const verdict = text(row, 'verdict');
    const coverage = verdict === 'Full' || verdict === 'Window' ? verdict : 'unverified';
    const { live, absent, removed } = counts.get(id) ?? { live: 0, absent: 0, removed: 0 };
    return {
      scope: text(row, 'scope'),
      coverage,
      live,
      absent: coverage === 'Full' ? absent : 0,
      removed,
      recentlyDeleted: recent.get(id) ?? 0,
    };
  });
  return {
    scopes: tallies,
    systemLive: nothingCanGo ? 0 : liveOf(database, pass.system),
    systemRecentlyDeleted: [...recent.values()].reduce((sum, records) => sum + records, 0),
  };
}

interface Counts {
  readonly live: number;
  readonly absent: number;
  readonly removed: number;
}

/** By scope: live records last seen there, those not seen in this pass, those stated as gone. */
function countsOf(database: Database, pass: ClosingPass): Map<number, Counts> {
  const rows = database.all(
    `SELECT s.scope_id, count(*) AS live,
       sum(m.external_id IS NOT NULL) AS removed,
       sum(m.external_id IS NULL AND s.pass_id < ?) AS absent
     FROM sightings s
     JOIN ${pass.table} r ON r.system = ? AND r.stream = ? AND r.external_id = s.external_id AND r.deleted_at IS NULL
     LEFT JOIN removals m ON m.stream_id = s.stream_id AND m.external_id = s.external_id AND m.pass_id = ?
     WHERE s.stream_id = ? GROUP BY s.scope_id`,
    pass.id,
    pass.system,
    pass.stream,
    pass.id,
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
  verdict: DeletionVerdict,
  at: Date,
): number {
  const time = at.toISOString();
  let deleted = 0;
  for (const [scope, going] of verdict) {
    const row = database.get('SELECT id FROM scopes WHERE stream_id = ? AND scope = ?', pass.streamId, scope);
    const scopeId = integer(row ?? {}, 'id');
    const mark = `UPDATE ${pass.table} SET deleted_at = ?, changed_at = ?, correlation_id = ?
      WHERE system = ? AND stream = ? AND deleted_at IS NULL AND external_id IN`;
    const common = [time, time, hold.correlationId, pass.system, pass.stream] as const;
    const notRemoved = `NOT EXISTS (SELECT 1 FROM removals m WHERE m.stream_id = s.stream_id
      AND m.external_id = s.external_id AND m.pass_id = ?)`;
    let count = 0;
    if (going.absent) {
      const absent = `(SELECT s.external_id FROM sightings s WHERE s.stream_id = ? AND s.scope_id = ? AND s.pass_id < ? AND ${notRemoved})`;
      count += database.run(`${mark} ${absent}`, ...common, pass.streamId, scopeId, pass.id, pass.id);
    }
    if (going.removed) {
      const removed = `(SELECT m.external_id FROM removals m JOIN sightings s ON s.stream_id = m.stream_id
        AND s.external_id = m.external_id WHERE m.stream_id = ? AND s.scope_id = ? AND m.pass_id = ?)`;
      count += database.run(`${mark} ${removed}`, ...common, pass.streamId, scopeId, pass.id);
    }
    if (count === 0) continue;
    database.run(
      'INSERT INTO deletions (system, scope_id, run_uid, deleted_at, records) VALUES (?, ?, ?, ?, ?)',
      pass.system,
      scopeId,
      hold.runUid,
      time,
      count,
    );
    deleted += count;
  }
  return deleted;
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
