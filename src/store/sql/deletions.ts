// SPDX-License-Identifier: Apache-2.0
import { recordTables } from '../../inventory/columns.ts';
import type { RecordKind } from '../../inventory/kinds.ts';
import type { Hold, PassEnd, PassTally, PassVerdict } from '../port.ts';
import { checkFence } from './fence.ts';
import { streamOfPass, type StreamOfPass } from './passes.ts';
import { closingPass, fullScopes, lastSeen, modeOf, tallyOf, type ClosingPass } from './pass-tally.ts';
import { recordStates, statesOf, withdrawOutsideOf } from './withdrawals.ts';
import { approvedProposal, settleProposals } from './proposals.ts';
import { integer, type Sql } from './sql.ts';

/** Decides and applies the deletions of a pass and closes it. */
export async function endPass(
  sql: Sql,
  hold: Hold,
  end: PassEnd,
  decide: (tally: PassTally) => PassVerdict,
): Promise<void> {
  await checkFence(sql, hold);
  const stream = await streamOfPass(sql, end.passId);
  await sql.expectLargeJoins();
  const pass = await closingPass(sql, end.passId);
  const mode = await modeOf(sql, pass);
  const approved = await approvedProposal(sql, pass, mode, end.approval);
  const tally = await tallyOf(sql, hold, pass, mode, end.budgetSince, approved);
  const verdict = decide(tally);
  const mark = markIn(sql, hold, pass, end.at.toISOString());
  const deletedByApproval =
    verdict.delete.approved === true && approved !== undefined
      ? await deleteApproved(mark, pass, approved)
      : 0;
  const deleted = deletedByApproval + (await apply(sql, hold, pass, tally, verdict, end.at));
  await settleProposals(sql, hold, pass, verdict, { approved, deletedByApproval, at: end.at });
  const withdrawn = verdict.withdraw === true ? await withdrawOutsideOf(sql, hold, pass, end.at) : 0;
  await forgetOldPlaces(sql, pass);
  await forgetRemovals(sql, pass);
  await close(sql, pass, verdict, end.at);
  await noteVerdict(sql, hold, stream, verdict, { deleted, withdrawn });
}

/** What the run's record will say of the stream. */
export async function noteVerdict(
  sql: Sql,
  hold: Hold,
  stream: StreamOfPass,
  verdict: PassVerdict,
  { deleted, withdrawn = 0 }: { readonly deleted: number; readonly withdrawn?: number },
): Promise<void> {
  await sql.run(
    `INSERT INTO run_streams AS r (run_uid, stream, record, deleted, withdrawn, verdict) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (run_uid, stream) DO UPDATE SET deleted = r.deleted + excluded.deleted,
       withdrawn = r.withdrawn + excluded.withdrawn, verdict = excluded.verdict`,
    hold.runUid,
    stream.stream,
    stream.record,
    deleted,
    withdrawn,
    JSON.stringify(verdict.stream),
  );
}

type Mark = (ids: string, ...values: readonly number[]) => Promise<number>;

/** Marks those of the stream as gone that a subquery names; answers how many. */
function markIn(sql: Sql, hold: Hold, pass: ClosingPass, time: string): Mark {
  return (ids, ...values) =>
    sql.run(
      `UPDATE ${pass.table} SET deleted_at = ?, changed_at = ?, correlation_id = ?
       WHERE system = ? AND stream = ? AND deleted_at IS NULL AND external_id IN (${ids})`,
      time,
      time,
      hold.correlationId,
      pass.system,
      pass.stream,
      ...values,
    );
}

const stated = 'SELECT external_id FROM removals WHERE stream_id = ?';
/** Parameters: the pass, the stream, the pass, the stream. */
const absent = `SELECT external_id FROM (${lastSeen}) seen WHERE pass_id < ? AND elsewhere = 0
  AND external_id NOT IN (${stated})`;

/** Of the approved list, what this pass too finds gone. */
function deleteApproved(mark: Mark, pass: ClosingPass, approved: number): Promise<number> {
  return mark(
    `SELECT external_id FROM proposed_deletions WHERE proposal_id = ? AND
       (external_id IN (${stated}) OR external_id IN (${absent}))`,
    approved,
    pass.streamId,
    pass.id,
    pass.streamId,
    pass.id,
    pass.streamId,
  );
}

async function apply(
  sql: Sql,
  hold: Hold,
  pass: ClosingPass,
  tally: PassTally,
  verdict: PassVerdict,
  at: Date,
): Promise<number> {
  const time = at.toISOString();
  const mark = markIn(sql, hold, pass, time);
  let deleted = 0;
  if (verdict.delete.absent && tally.scopes.some((scope) => scope.absent > 0)) {
    deleted += await mark(absent, pass.id, pass.streamId, pass.id, pass.streamId);
  }
  if (verdict.delete.removed && tally.scopes.some(({ removed }) => removed > 0)) {
    deleted += await mark(stated, pass.streamId);
  }
  if (deleted > 0) await noteDeletions(sql, hold, pass, tally, verdict, time);
  return deleted;
}

/** For the budget of the next 24 hours, by scope. */
async function noteDeletions(
  sql: Sql,
  hold: Hold,
  pass: ClosingPass,
  tally: PassTally,
  verdict: PassVerdict,
  time: string,
): Promise<void> {
  for (const { scope, absent: unseen, removed, approved } of tally.scopes) {
    const apart = verdict.delete.approved === true ? approved : undefined;
    const records =
      (verdict.delete.absent ? unseen - (apart?.absent ?? 0) : 0) +
      (verdict.delete.removed ? removed - (apart?.removed ?? 0) : 0);
    if (records === 0) continue;
    const row = await sql.get(
      'SELECT id FROM scopes WHERE stream_id = ? AND scope = ?',
      pass.streamId,
      scope,
    );
    await sql.run(
      'INSERT INTO deletions (system, scope_id, run_uid, deleted_at, records) VALUES (?, ?, ?, ?, ?)',
      pass.system,
      integer(row, 'id'),
      hold.runUid,
      time,
      records,
    );
  }
}

/** A record that was seen in this pass no longer stands in the scopes that were read in full without it. */
async function forgetOldPlaces(sql: Sql, pass: ClosingPass): Promise<void> {
  const scopes = await sql.get('SELECT count(*) AS n FROM scopes WHERE stream_id = ?', pass.streamId);
  if (integer(scopes, 'n') < 2) return;
  await sql.run(
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
async function forgetRemovals(sql: Sql, pass: ClosingPass): Promise<void> {
  await sql.run(
    `DELETE FROM removals WHERE stream_id = ? AND NOT EXISTS (SELECT 1 FROM ${pass.table} r
       WHERE r.system = ? AND r.stream = ? AND r.external_id = removals.external_id AND r.deleted_at IS NULL)`,
    pass.streamId,
    pass.system,
    pass.stream,
  );
}

async function close(sql: Sql, pass: ClosingPass, verdict: PassVerdict, at: Date): Promise<void> {
  await sql.run('UPDATE passes SET closed_at = ? WHERE id = ?', at.toISOString(), pass.id);
  const { complete, fullAt, mode, withheld, failure } = verdict.stream;
  if (complete && fullAt !== undefined) {
    await sql.run('UPDATE streams SET last_full_at = ? WHERE id = ?', fullAt, pass.streamId);
  }
  // An incremental pass cannot tell whether they are gone still: what the newest full one withheld stays said.
  if (complete && mode === 'Full') {
    const waiting = failure?.code === 'deletionBudget' ? withheld : 0;
    await sql.run('UPDATE streams SET withheld = ? WHERE id = ?', waiting, pass.streamId);
  }
  if (!verdict.keepCursors) return;
  await sql.run(
    `UPDATE scopes SET cursor = p.cursor FROM pass_scopes p
     WHERE p.pass_id = ? AND p.scope_id = scopes.id AND p.verdict IN ('Full', 'Window') AND p.cursor IS NOT NULL`,
    pass.id,
  );
}

export interface RecordCount {
  readonly kind: RecordKind;
  readonly live: number;
  readonly deleted: number;
  readonly withdrawn: number;
}

export async function recordCounts(sql: Sql, system: string): Promise<RecordCount[]> {
  const counts: RecordCount[] = [];
  for (const { kind, name } of recordTables) {
    const row = await sql.get(`SELECT ${recordStates} FROM "${name}" WHERE system = ?`, system);
    counts.push({ kind, ...statesOf(row) });
  }
  return counts;
}
