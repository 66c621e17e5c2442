// SPDX-License-Identifier: Apache-2.0
import { tableOf } from '../../inventory/columns.ts';
import type { Hold, PassEnd, PassTally, PassVerdict, PlanAction } from '../port.ts';
import { noteVerdict } from './deletions.ts';
import { checkFence } from './fence.ts';
import { lastSeenIn, tallyOf, type ClosingPass } from './pass-tally.ts';
import { closingPlan, planPass, type PlanPass } from './plan-passes.ts';
import { proposalNamed } from './proposals.ts';
import { countAskedAgain, countOutside } from './withdrawals.ts';
import { keepSamples, maxSamples } from './plan-samples.ts';
import { integer, optionalText, text, type Sql, type SqlEngine } from './sql.ts';

/**
 * Decides what would be deleted. The counting reads, and holds back nobody: what it counts is this system's, which nobody else may
 * change while the plan has its fence. Only what came of it is written.
 */
export async function endPlanPass(
  engine: SqlEngine,
  hold: Hold,
  end: PassEnd,
  decide: (tally: PassTally) => PassVerdict,
  redact: (text: string) => string,
): Promise<void> {
  const found = await engine.read(async (sql) => {
    await sql.expectLargeJoins();
    const pass = await planPass(sql, end.passId);
    const closing = closingPlan(pass);
    const { approval } = end;
    const approved = approval === undefined ? undefined : await proposalNamed(sql, pass.id, approval);
    const own = await tallyOf(sql, hold, closing, 'Full', end.budgetSince, approved);
    const tally = await withEarlierStreams(sql, pass, own);
    const verdict = decide(tally);
    const samples = await samplesOf(sql, pass, closing, verdict, approved);
    const withdrawn =
      verdict.withdraw === true
        ? await countOutside(sql, closing, tableOf(pass.record).name, verdict.delete.removed)
        : 0;
    const back =
      verdict.withdraw === true || verdict.delete.absent
        ? await countAskedAgain(sql, closing, tableOf(pass.record).name)
        : 0;
    return { pass, tally, verdict, samples, withdrawn, back };
  });
  const { pass, verdict, withdrawn, back } = found;
  const deleted = deletedOf(found.tally, verdict);
  await engine.transaction(async (sql) => {
    await checkFence(sql, hold);
    await sql.run(
      'UPDATE plan_passes SET added = added + ?, deleted = ?, withheld_reason = ? WHERE id = ?',
      back,
      deleted,
      verdict.stream.withheldReason ?? null,
      pass.passId,
    );
    for (const { action, externalId, name } of found.samples) {
      await keepSamples(sql, pass.passId, action, [
        {
          externalId: redact(externalId),
          ...(name === undefined ? {} : { name: redact(name) }),
          reason: action === 'withhold' ? verdict.stream.withheldReason : undefined,
        },
      ]);
    }
    await noteVerdict(sql, hold, pass, verdict, { deleted, withdrawn });
  });
}

/** A Full run would have written what the streams before this one planned. */
async function withEarlierStreams(sql: Sql, pass: PlanPass, tally: PassTally): Promise<PassTally> {
  const row = await sql.get(
    'SELECT sum(added) AS added, sum(deleted) AS deleted FROM plan_passes WHERE run_uid = ?',
    pass.runUid,
  );
  const others = await sql.get(
    'SELECT sum(withdrawn) AS withdrawn FROM run_streams WHERE run_uid = ?',
    pass.runUid,
  );
  const deleted = integer(row, 'deleted');
  return {
    ...tally,
    systemLive: tally.systemLive + integer(row, 'added') - deleted - integer(others, 'withdrawn'),
    systemRecentlyDeleted: tally.systemRecentlyDeleted + deleted,
  };
}

function deletedOf({ scopes }: PassTally, verdict: PassVerdict): number {
  const { absent, removed, approved = false } = verdict.delete;
  return scopes.reduce((sum, scope) => {
    const listed = approved ? scope.approved : undefined;
    const ofAbsent = absent ? scope.absent : (listed?.absent ?? 0);
    return sum + ofAbsent + (removed ? scope.removed : (listed?.removed ?? 0));
  }, 0);
}

interface Candidate {
  readonly action: PlanAction;
  readonly externalId: string;
  readonly name: string | undefined;
}

/** Some records that look gone: those that would be deleted, and those that would stay. */
async function samplesOf(
  sql: Sql,
  pass: PlanPass,
  closing: ClosingPass,
  verdict: PassVerdict,
  approved: number | undefined,
): Promise<Candidate[]> {
  const { tables } = closing;
  if (tables === undefined) return [];
  const some = async (condition: string, goes: boolean): Promise<Candidate[]> => {
    const rows = await sql.all(
      `SELECT s.external_id, r.name FROM (${lastSeenIn(tables)}) s
       JOIN "${tableOf(pass.record).name}" r
         ON r.system = ? AND r.stream = ? AND r.external_id = s.external_id AND r.deleted_at IS NULL
       LEFT JOIN ${tables.removals} m ON m.stream_id = ? AND m.external_id = s.external_id
       WHERE ${condition} ORDER BY s.external_id LIMIT ${maxSamples}`,
      ...[closing.id, closing.streamId, closing.system, closing.stream, closing.streamId],
    );
    return rows.map((row) => ({
      action: goes ? 'delete' : 'withhold',
      externalId: text(row, 'external_id'),
      name: optionalText(row, 'name'),
    }));
  };
  const absent = `m.external_id IS NULL AND s.elsewhere = 0 AND s.pass_id < ${closing.id}`;
  const found = [
    ['m.external_id IS NOT NULL', verdict.delete.removed],
    [absent, verdict.delete.absent],
  ] as const;
  // Number of a proposal, or of none.
  const list = verdict.delete.approved === true ? (approved ?? 0) : 0;
  const listed = `s.external_id IN (SELECT external_id FROM proposed_deletions WHERE proposal_id = ${list})`;
  const samples: Candidate[] = [];
  for (const [condition, goes] of found) {
    if (goes) samples.push(...(await some(condition, true)));
    else {
      samples.push(...(await some(`${condition} AND ${listed}`, true)));
      samples.push(...(await some(`${condition} AND NOT ${listed}`, false)));
    }
  }
  return samples;
}
