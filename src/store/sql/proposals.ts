// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { tableOf } from '../../inventory/columns.ts';
import type { RecordKind } from '../../inventory/kinds.ts';
import type {
  DeletionProposal,
  GivenApproval,
  Hold,
  Pass,
  PassVerdict,
  ProposedRecord,
  RunProposals,
} from '../port.ts';
import { lastSeen, type ClosingPass } from './pass-tally.ts';
import { integer, optionalText, text, time, type Row, type Sql } from './sql.ts';

/** So many ids are in memory at a time. */
const pageSize = 10_000;
const sampleSize = 5;

/** The part of the approved list that is of this stream, if it waits still. */
export async function approvedProposal(
  sql: Sql,
  pass: ClosingPass,
  mode: Pass['mode'],
  approval: GivenApproval | undefined,
): Promise<number | undefined> {
  if (approval === undefined || mode !== 'Full') return undefined;
  return proposalNamed(sql, pass.streamId, approval);
}

/** The open proposal of a stream that an approval names. */
export async function proposalNamed(
  sql: Sql,
  streamId: number,
  approval: GivenApproval,
): Promise<number | undefined> {
  const row = await sql.get(
    `SELECT id, digest, run_uid FROM deletion_proposals
     WHERE stream_id = ? AND run_name = ? AND run_digest = ? AND closed_at IS NULL AND proposed_at > ?`,
    streamId,
    approval.runName,
    approval.digest,
    approval.notBefore.toISOString(),
  );
  if (row === undefined) return undefined;
  const id = integer(row, 'id');
  // The person approved a digest: whatever the list is now, it must be what that was made of.
  const same =
    (await digestOfList(sql, id)) === text(row, 'digest') &&
    digestOfLists(await listsOf(sql, text(row, 'run_uid'))) === approval.digest;
  return same ? id : undefined;
}

/** What has become of the list of before once a full pass of the stream is complete, and the new list. */
export async function settleProposals(
  sql: Sql,
  hold: Hold,
  pass: ClosingPass,
  verdict: PassVerdict,
  given: {
    readonly approved: number | undefined;
    readonly deletedByApproval: number;
    readonly at: Date;
  },
): Promise<void> {
  const { complete, mode } = verdict.stream;
  if (!complete || mode !== 'Full') return;
  const { approved, deletedByApproval } = given;
  const at = given.at.toISOString();
  if (approved !== undefined && verdict.delete.approved === true) {
    await sql.run(
      "UPDATE deletion_proposals SET closed_at = ?, closed_as = 'used', used_by = ?, deleted = ? WHERE id = ?",
      at,
      hold.runUid,
      deletedByApproval,
      approved,
    );
  }
  await closeOpen(
    sql,
    'stream_id = ?',
    [pass.streamId],
    verdict.propose === undefined ? 'settled' : 'superseded',
    at,
  );
  if (verdict.propose !== undefined) await propose(sql, hold, pass, verdict.propose.absent, at);
}

/** The ids of a list that nobody can approve any more are of no use. */
async function closeOpen(
  sql: Sql,
  which: string,
  values: readonly (string | number)[],
  as: 'settled' | 'superseded',
  at: string,
): Promise<void> {
  const open = `closed_at IS NULL AND ${which}`;
  await sql.run(
    `DELETE FROM proposed_deletions WHERE proposal_id IN (SELECT id FROM deletion_proposals WHERE ${open})`,
    ...values,
  );
  await sql.run(
    `UPDATE deletion_proposals SET closed_at = ?, closed_as = ? WHERE ${open}`,
    at,
    as,
    ...values,
  );
}

async function propose(sql: Sql, hold: Hold, pass: ClosingPass, absent: boolean, at: string): Promise<void> {
  const run = await sql.get('SELECT run_name FROM runs WHERE run_uid = ?', hold.runUid);
  const made = await sql.get(
    `INSERT INTO deletion_proposals (system, stream_id, run_uid, run_name, proposed_at, records, digest, sample)
     VALUES (?, ?, ?, ?, ?, 0, '', '[]') RETURNING id`,
    pass.system,
    pass.streamId,
    hold.runUid,
    optionalText(run, 'run_name') ?? '',
    at,
  );
  const id = integer(made, 'id');
  const records = await sql.run(
    `INSERT INTO proposed_deletions (proposal_id, external_id, scope_id)
     SELECT CAST(? AS bigint), s.external_id, s.scope_id FROM (${lastSeen}) s
     JOIN ${pass.table} r ON r.system = ? AND r.stream = ? AND r.external_id = s.external_id AND r.deleted_at IS NULL
     LEFT JOIN removals m ON m.stream_id = ? AND m.external_id = s.external_id
     WHERE m.external_id IS NOT NULL OR (CAST(? AS integer) = 1 AND s.pass_id < ? AND s.elsewhere = 0)`,
    id,
    pass.id,
    pass.streamId,
    pass.system,
    pass.stream,
    pass.streamId,
    absent ? 1 : 0,
    pass.id,
  );
  await sql.run(
    'UPDATE deletion_proposals SET records = ?, digest = ?, sample = ? WHERE id = ?',
    records,
    await digestOfList(sql, id),
    JSON.stringify(await namedRecords(sql, { ...pass, id }, '', sampleSize)),
    id,
  );
}

/** SHA-256 over the ids of one stream in bytewise order, each as a JSON string and a line feed. */
async function digestOfList(sql: Sql, proposal: number): Promise<string> {
  const digest = createHash('sha256');
  let after = '';
  for (;;) {
    const rows = await sql.all(
      'SELECT external_id FROM proposed_deletions WHERE proposal_id = ? AND external_id > ? ORDER BY external_id LIMIT ?',
      proposal,
      after,
      pageSize,
    );
    for (const row of rows) digest.update(`${JSON.stringify(text(row, 'external_id'))}\n`);
    const last = rows.at(-1);
    if (last === undefined) return `sha256:${digest.digest('hex')}`;
    after = text(last, 'external_id');
  }
}

interface ListOfStream {
  readonly id: number;
  readonly system: string;
  readonly stream: string;
  /** Quoted name of the record table. */
  readonly table: string;
}

/** Names are as the inventory has them now. */
async function namedRecords(
  sql: Sql,
  { id, system, stream, table }: ListOfStream,
  after: string,
  limit: number,
): Promise<ProposedRecord[]> {
  const rows = await sql.all(
    `SELECT d.external_id, r.name FROM proposed_deletions d
     LEFT JOIN ${table} r ON r.system = ? AND r.stream = ? AND r.external_id = d.external_id
     WHERE d.proposal_id = ? AND d.external_id > ? ORDER BY d.external_id LIMIT ?`,
    system,
    stream,
    id,
    after,
    limit,
  );
  return rows.map((row) => ({
    stream,
    externalId: text(row, 'external_id'),
    name: optionalText(row, 'name') ?? '',
  }));
}

/** The lists of a run, one for each stream, by the names of these in bytewise order. */
function listsOf(sql: Sql, runUid: string): Promise<readonly Row[]> {
  return sql.all(
    `SELECT d.records, d.digest, d.proposed_at, t.stream FROM deletion_proposals d JOIN streams t ON t.id = d.stream_id
     WHERE d.run_uid = ? ORDER BY t.stream`,
    runUid,
  );
}

/** SHA-256 over a line for each list: the stream as a JSON string, the number of records, the digest of the list. */
function digestOfLists(lists: readonly Row[]): string {
  const lines = lists.map(
    (row) => `${JSON.stringify(text(row, 'stream'))} ${integer(row, 'records')} ${text(row, 'digest')}\n`,
  );
  return `sha256:${createHash('sha256').update(lines.join('')).digest('hex')}`;
}

/** When a run ends: its lists get the one digest that is approved, and take the place of those of any other run. */
export async function concludeProposals(sql: Sql, system: string, runUid: string): Promise<RunProposals> {
  const own = await listsOf(sql, runUid);
  const digest = digestOfLists(own);
  const [first] = own;
  if (first !== undefined) {
    await sql.run('UPDATE deletion_proposals SET run_digest = ? WHERE run_uid = ?', digest, runUid);
    const at = time(first, 'proposed_at').toISOString();
    await closeOpen(sql, 'system = ? AND run_uid <> ?', [system, runUid], 'superseded', at);
  }
  const used = await sql.get(
    `SELECT run_name, run_digest, sum(deleted) AS deleted FROM deletion_proposals WHERE used_by = ?
     GROUP BY run_name, run_digest`,
    runUid,
  );
  return {
    proposed:
      own.length === 0
        ? undefined
        : { records: own.reduce((sum, row) => sum + integer(row, 'records'), 0), digest },
    approved:
      used === undefined
        ? undefined
        : {
            token: `${text(used, 'run_name')}@${text(used, 'run_digest')}`,
            deleted: integer(used, 'deleted'),
          },
  };
}

const ofRun = `SELECT d.*, u.run_name AS used_by_name FROM deletion_proposals d
  JOIN streams t ON t.id = d.stream_id LEFT JOIN runs u ON u.run_uid = d.used_by`;

export async function openProposal(sql: Sql, system: string): Promise<DeletionProposal | undefined> {
  const open = await sql.get(
    `SELECT run_uid FROM deletion_proposals WHERE system = ? AND closed_at IS NULL AND run_digest IS NOT NULL
     ORDER BY id DESC LIMIT 1`,
    system,
  );
  return open === undefined ? undefined : proposalOf(sql, text(open, 'run_uid'));
}

export async function proposalOfRun(
  sql: Sql,
  system: string,
  runName: string,
): Promise<DeletionProposal | undefined> {
  const row = await sql.get(
    `SELECT run_uid FROM deletion_proposals WHERE system = ? AND run_name = ? AND run_digest IS NOT NULL
     ORDER BY id DESC LIMIT 1`,
    system,
    runName,
  );
  return row === undefined ? undefined : proposalOf(sql, text(row, 'run_uid'));
}

async function proposalOf(sql: Sql, runUid: string): Promise<DeletionProposal | undefined> {
  const rows = await sql.all(`${ofRun} WHERE d.run_uid = ? ORDER BY t.stream`, runUid);
  const [first] = rows;
  if (first === undefined) return undefined;
  const open = rows.filter((row) => optionalText(row, 'closed_as') === undefined);
  return {
    runName: text(first, 'run_name'),
    digest: text(first, 'run_digest'),
    records: sumOf(rows),
    proposedAt: new Date(Math.min(...rows.map((row) => time(row, 'proposed_at').getTime()))),
    sample: rows.flatMap((row) => JSON.parse(text(row, 'sample')) as ProposedRecord[]),
    state: stateOf(rows),
    usedBy: rows
      .map((row) => optionalText(row, 'used_by_name') ?? optionalText(row, 'used_by'))
      .find((name) => name !== undefined),
    waiting: sumOf(open),
  };
}

function sumOf(rows: readonly Row[]): number {
  return rows.reduce((sum, row) => sum + integer(row, 'records'), 0);
}

function stateOf(rows: readonly Row[]): DeletionProposal['state'] {
  const states = new Set(rows.map((row) => optionalText(row, 'closed_as') ?? 'open'));
  for (const state of ['open', 'used', 'superseded'] as const) if (states.has(state)) return state;
  return 'settled';
}

export async function proposedRecords(
  sql: Sql,
  system: string,
  runName: string,
  after: { readonly stream: string; readonly externalId: string } | undefined,
  limit: number,
): Promise<ProposedRecord[]> {
  const lists = await sql.all(
    `SELECT d.id, t.stream, t.record FROM deletion_proposals d JOIN streams t ON t.id = d.stream_id
     WHERE d.run_uid = (SELECT run_uid FROM deletion_proposals WHERE system = ? AND run_name = ? ORDER BY id DESC LIMIT 1)
     ORDER BY t.stream`,
    system,
    runName,
  );
  const found: ProposedRecord[] = [];
  for (const row of lists) {
    const stream = text(row, 'stream');
    if (found.length >= limit) break;
    const from = after?.stream === stream ? after.externalId : '';
    if (after !== undefined && Buffer.compare(Buffer.from(stream), Buffer.from(after.stream)) < 0) continue;
    const table = `"${tableOf(text(row, 'record') as RecordKind).name}"`;
    const list = { id: integer(row, 'id'), system, stream, table };
    found.push(...(await namedRecords(sql, list, from, limit - found.length)));
  }
  return found;
}
