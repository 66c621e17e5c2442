// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { SyncRun } from '../../src/api/resource.ts';
import { isFinal, type SyncRunSpec, type SyncRunStatus } from '../../src/api/sync-run.ts';
import { integer, optionalText, text, type Row } from '../../src/store/sql/sql.ts';
import { auditRows } from './audit-rows.ts';
import { auditSlots } from './audit-slots.ts';
import { writesOf, type Query } from './journal.ts';
import type { UpstreamHistory } from './upstream-history.ts';

/** All that the auditor knows: upstream, the database, and the objects of the API server. Nothing of the program. */
export interface Evidence {
  /** `namespace/name` of the system whose runs and rows are judged. */
  readonly system: string;
  /** Between two slots of its schedule. */
  readonly slotMs: number;
  readonly query: Query;
  /** Every version of every SyncRun of the system that the API server ever had, in order. */
  readonly versions: readonly SyncRun[];
  /** Uids of the SyncRuns that stand there now. */
  readonly standing: ReadonlySet<string>;
  readonly upstream: UpstreamHistory;
  /**
   * Requests to make a run may have come to the API server long after they were decided on, when the run that had the slot was pruned:
   * nothing can refuse them there. What they made then must have ended without being carried out.
   */
  readonly lateCreates?: boolean;
  /**
   * Objects may have been deleted before anything of their runs came to the database, and while nobody watched: nobody can know of them
   * any more. Nothing was read or written for them.
   */
  readonly unseenDeletions?: boolean;
}

/** A run in the database, with its record when it has ended. */
export interface RunRow {
  readonly uid: string;
  readonly name: string;
  readonly systemUid: string;
  readonly slot: string | undefined;
  readonly pruned: boolean;
  readonly record: { readonly spec: SyncRunSpec; readonly status: SyncRunStatus } | undefined;
}

/**
 * Judges everything that happened to one system, after the last run of it was a full one against an upstream that changes no more.
 * Answers what is wrong; nothing when all is well.
 */
export async function audit(evidence: Evidence): Promise<string[]> {
  const { query, system, upstream } = evidence;
  const rows = await query(`SELECT * FROM runs WHERE system = '${system}' ORDER BY sequence`);
  const [head] = await query(`SELECT * FROM systems WHERE system = '${system}'`);
  const live = await query(
    `SELECT external_id, name FROM assets WHERE system = '${system}' AND deleted_at IS NULL`,
  );
  const runs = rows.map(runOf);
  const known = new Set(runs.map(({ uid }) => uid));
  const unseen = ({ metadata: { uid } }: SyncRun) =>
    evidence.unseenDeletions === true && !known.has(uid) && !evidence.standing.has(uid);
  const versions = evidence.versions.filter((version) => !unseen(version));
  const writes = (await writesOf(query)).filter((write) => write.system === system);
  return [
    ...auditSlots(runs, versions, evidence),
    ...auditRecords(runs, versions, evidence.standing),
    ...auditChain(rows, head),
    ...auditPruning(runs, evidence.standing),
    ...auditRows({ runs, writes, live, upstream }),
  ];
}

function runOf(row: Row): RunRow {
  const json = optionalText(row, 'json');
  const slot = row['slot'];
  return {
    uid: text(row, 'run_uid'),
    name: text(row, 'run_name'),
    systemUid: text(row, 'system_uid'),
    slot: slot instanceof Date ? slot.toISOString() : optionalText(row, 'slot'),
    pruned: integer(row, 'pruned') === 1,
    record: json === undefined ? undefined : (JSON.parse(json) as NonNullable<RunRow['record']>),
  };
}

/** Each run that ever had an object or a row ends once, and its object says what its record says. */
function* auditRecords(
  runs: readonly RunRow[],
  versions: readonly SyncRun[],
  standing: ReadonlySet<string>,
): Generator<string> {
  const byUid = new Map(runs.map((run) => [run.uid, run]));
  for (const { uid, name, record } of runs)
    if (record === undefined) yield `run ${name} (${uid}) is open: it has no record`;
  const seen = new Set<string>();
  const ends = new Map<string, SyncRunStatus>();
  for (const { metadata, status, spec } of versions) {
    const { uid, name } = metadata;
    if (!seen.has(uid) && !byUid.has(uid)) yield `SyncRun ${name} (${uid}) has no row in the database`;
    seen.add(uid);
    const before = ends.get(uid);
    if (before !== undefined && !isDeepStrictEqual(before, status))
      yield `SyncRun ${name} (${uid}) changed after it had ended`;
    if (status === undefined || !isFinal(status.phase) || before !== undefined) continue;
    ends.set(uid, status);
    const record = byUid.get(uid)?.record;
    const { digest, ...sealed } = status;
    if (record === undefined) yield `SyncRun ${name} (${uid}) is ${status.phase} and has no record`;
    else if (!isDeepStrictEqual(record.status, sealed) || !isDeepStrictEqual(record.spec, spec))
      yield `SyncRun ${name} (${uid}) differs from its record of digest ${String(digest)}`;
  }
  for (const uid of standing) if (!ends.has(uid)) yield `SyncRun ${uid} never ended`;
}

/** Sequence without gaps from 1, each record named by the one after it, and the head that the system's row tells. */
function* auditChain(rows: readonly Row[], head: Row | undefined): Generator<string> {
  let previous: string | undefined;
  let expected = 0;
  for (const row of rows) {
    const json = optionalText(row, 'json');
    if (json === undefined) continue;
    expected += 1;
    const name = text(row, 'run_name');
    const { status } = JSON.parse(json) as { status: SyncRunStatus };
    const digest = `sha256:${hash('sha256', json, 'hex')}`;
    if (integer(row, 'sequence') !== expected || status.sequence !== expected)
      yield `chain: ${name} has the sequence ${integer(row, 'sequence')} where ${expected} comes`;
    if (digest !== text(row, 'digest')) yield `chain: the digest of ${name} is not that of its record`;
    if (status.previousDigest !== previous) yield `chain: ${name} does not follow the record before it`;
    previous = digest;
  }
  if (integer(head, 'sequence') !== expected || optionalText(head, 'digest') !== previous)
    yield `chain: the head of the system is ${integer(head, 'sequence')} and the newest record is ${expected}`;
  const holder = optionalText(head, 'fence_run_uid');
  if (holder !== undefined) yield `the fence is held by run ${holder}, and all is over`;
}

/** What is marked as pruned is gone from the cluster, and what is gone is marked, else it would be looked for again for ever. */
function* auditPruning(runs: readonly RunRow[], standing: ReadonlySet<string>): Generator<string> {
  for (const { uid, name, pruned } of runs)
    if (pruned && standing.has(uid)) yield `run ${name} is marked as pruned and stands in the cluster`;
}
