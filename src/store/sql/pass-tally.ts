// SPDX-License-Identifier: Apache-2.0
import { recordTables, tableOf } from '../../inventory/columns.ts';
import type { Hold, PassTally, ScopeTally } from '../port.ts';
import { attemptOf, streamOfPass } from './passes.ts';
import { integer, text, type Sql } from './sql.ts';

export interface ClosingPass {
  readonly id: number;
  readonly streamId: number;
  readonly system: string;
  readonly stream: string;
  /** Quoted name of the record table. */
  readonly table: string;
  /** Where the tally is counted; default the tables of the inventory. */
  readonly tables?: PassTables;
}

/** Table expressions for what a pass has written: the tables themselves, or those that a plan lays over them. */
export interface PassTables {
  readonly passes: string;
  readonly passScopes: string;
  readonly scopes: string;
  readonly sightings: string;
  readonly removals: string;
}

const inventory: PassTables = {
  passes: 'passes',
  passScopes: 'pass_scopes',
  scopes: 'scopes',
  sightings: 'sightings',
  removals: 'removals',
};

export function tablesOf({ tables = inventory }: ClosingPass): PassTables {
  return tables;
}

/** A pass of the inventory that is open still. */
export async function closingPass(sql: Sql, passId: number): Promise<ClosingPass> {
  const { id, system, stream, record } = await streamOfPass(sql, passId);
  return { id: passId, streamId: id, system, stream, table: `"${tableOf(record).name}"` };
}

/** The scopes of the pass that were read in full, as a subquery; its parameter is the pass. */
function fullScopesIn({ passScopes }: PassTables): string {
  return `SELECT scope_id FROM ${passScopes} WHERE pass_id = ? AND verdict = 'Full'`;
}

export const fullScopes = fullScopesIn(inventory);

/** Of several places in one pass the oldest scope counts; scopes that only a plan knows have numbers below zero, the first the nearest. */
const oldestScope = 'CASE WHEN scope_id > 0 THEN 0 ELSE 1 END, abs(scope_id)';

/**
 * Each record of a stream with where and when it was seen last, and in how many scopes it stood that this pass did not read in
 * full, as a subquery. Parameters: the pass, the stream.
 */
export function lastSeenIn(tables: PassTables): string {
  return `SELECT external_id, scope_id, pass_id, elsewhere FROM (
    SELECT external_id, scope_id, pass_id,
      row_number() OVER (PARTITION BY external_id ORDER BY pass_id DESC, ${oldestScope}) AS place,
      sum(CASE WHEN scope_id IN (${fullScopesIn(tables)}) THEN 0 ELSE 1 END) OVER (PARTITION BY external_id) AS elsewhere
    FROM ${tables.sightings} WHERE stream_id = ?) placed WHERE place = 1`;
}

export const lastSeen = lastSeenIn(inventory);

/** Whether any live record of the stream was not seen in the pass; one look at each sighting, in the order in which they lie. */
export async function lacksRecords(sql: Sql, pass: ClosingPass): Promise<boolean> {
  const unseen = await sql.get(
    `SELECT 1 AS one FROM (SELECT external_id FROM ${tablesOf(pass).sightings} WHERE stream_id = ?
       GROUP BY external_id HAVING max(pass_id) < ?) u
     JOIN ${pass.table} r ON r.system = ? AND r.stream = ? AND r.external_id = u.external_id AND r.deleted_at IS NULL
     LIMIT 1`,
    pass.streamId,
    pass.id,
    pass.system,
    pass.stream,
  );
  return unseen !== undefined;
}

/** What a pass of the inventory that is about to be closed turned out to be, see PassTally. */
export async function modeOf(sql: Sql, pass: ClosingPass): Promise<PassTally['mode']> {
  const full = await sql.get(
    `SELECT 1 AS one FROM passes p WHERE p.id = ? AND (p.mode = 'Full'
       OR EXISTS (SELECT 1 FROM pass_scopes WHERE pass_id = p.id)
         AND NOT EXISTS (SELECT 1 FROM scopes s LEFT JOIN pass_scopes r ON r.pass_id = p.id AND r.scope_id = s.id
           WHERE s.stream_id = p.stream_id AND (r.verdict IS NULL OR r.verdict <> 'Full')))`,
    pass.id,
  );
  return full === undefined ? 'Incremental' : 'Full';
}

/** What the transaction sees of a pass that is about to be closed. */
export async function tallyOf(
  sql: Sql,
  hold: Hold,
  pass: ClosingPass,
  mode: PassTally['mode'],
  since: Date,
  approved?: number,
): Promise<PassTally> {
  const tables = tablesOf(pass);
  const verdicts = await sql.all(
    `SELECT scope_id, verdict, ended_by FROM ${tables.passScopes} WHERE pass_id = ?`,
    pass.id,
  );
  const read = new Map(verdicts.map((row) => [integer(row, 'scope_id'), row]));
  const removals = await sql.get(
    `SELECT 1 AS one FROM ${tables.removals} WHERE stream_id = ? LIMIT 1`,
    pass.streamId,
  );
  // Where nothing is stated as gone, and nothing is absent or absence proves nothing, the counts over the whole table are saved.
  const nothingCanGo =
    removals === undefined &&
    (verdicts.every((row) => row['verdict'] === 'Window') || !(await lacksRecords(sql, pass)));
  const counts = nothingCanGo ? new Map<number, Counts>() : await countsOf(sql, pass, tables, approved);
  const recent = await recentOf(sql, pass.system, since);
  const names = await namesOf(sql, pass.streamId, tables);
  const elsewhere = [...counts].filter(([, { removed }]) => removed > 0).map(([id]) => id);
  const scopes = [...new Set([...read.keys(), ...elsewhere])].map((id): ScopeTally => {
    const row = read.get(id);
    const none = { live: 0, absent: 0, removed: 0, approved: { absent: 0, removed: 0 } };
    const found = counts.get(id) ?? none;
    return {
      scope: names.get(id) ?? '',
      coverage: row === undefined ? 'notRead' : coverageOf(row['verdict']),
      confirmed: row?.['ended_by'] === attemptOf(hold),
      live: found.live,
      absent: found.absent,
      removed: found.removed,
      ...(approved === undefined ? {} : { approved: found.approved }),
      recentlyDeleted: recent.get(id) ?? 0,
    };
  });
  const row = await sql.get(
    `SELECT fetched, set_aside, set_aside_by_mapping FROM ${tables.passes} WHERE id = ?`,
    pass.id,
  );
  return {
    mode,
    scopes,
    systemLive: nothingCanGo ? 0 : await liveOf(sql, pass.system),
    systemRecentlyDeleted: [...recent.values()].reduce((sum, records) => sum + records, 0),
    fetched: integer(row, 'fetched'),
    setAside: integer(row, 'set_aside'),
    setAsideByMapping: integer(row, 'set_aside_by_mapping'),
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
  readonly approved: { readonly absent: number; readonly removed: number };
}

/** By scope in which they were seen last: live records, those proven absent by this pass, those stated as gone, and what of them is on the approved list. */
async function countsOf(
  sql: Sql,
  pass: ClosingPass,
  tables: PassTables,
  approved: number | undefined,
): Promise<Map<number, Counts>> {
  const rows = await sql.all(
    `SELECT s.scope_id, count(*) AS live, count(m.external_id) AS removed,
       count(CASE WHEN m.external_id IS NULL AND s.pass_id < ? AND s.elsewhere = 0 THEN 1 END) AS absent,
       count(CASE WHEN m.external_id IS NOT NULL THEN d.external_id END) AS approved_removed,
       count(CASE WHEN m.external_id IS NULL AND s.pass_id < ? AND s.elsewhere = 0 THEN d.external_id END) AS approved_absent
     FROM (${lastSeenIn(tables)}) s
     JOIN ${pass.table} r ON r.system = ? AND r.stream = ? AND r.external_id = s.external_id AND r.deleted_at IS NULL
     LEFT JOIN ${tables.removals} m ON m.stream_id = ? AND m.external_id = s.external_id
     LEFT JOIN proposed_deletions d ON d.proposal_id = ? AND d.external_id = s.external_id
     GROUP BY s.scope_id`,
    pass.id,
    pass.id,
    pass.id,
    pass.streamId,
    pass.system,
    pass.stream,
    pass.streamId,
    // No proposal has this number.
    approved ?? 0,
  );
  return new Map(
    rows.map((row) => [
      integer(row, 'scope_id'),
      {
        live: integer(row, 'live'),
        absent: integer(row, 'absent'),
        removed: integer(row, 'removed'),
        approved: { absent: integer(row, 'approved_absent'), removed: integer(row, 'approved_removed') },
      },
    ]),
  );
}

async function namesOf(sql: Sql, streamId: number, tables: PassTables): Promise<Map<number, string>> {
  const rows = await sql.all(`SELECT id, scope FROM ${tables.scopes} WHERE stream_id = ?`, streamId);
  return new Map(rows.map((row) => [integer(row, 'id'), text(row, 'scope')]));
}

async function recentOf(sql: Sql, system: string, since: Date): Promise<Map<number, number>> {
  const rows = await sql.all(
    `SELECT scope_id, sum(records) AS records FROM deletions WHERE system = ? AND deleted_at >= ?
     GROUP BY scope_id`,
    system,
    since.toISOString(),
  );
  return new Map(rows.map((row) => [integer(row, 'scope_id'), integer(row, 'records')]));
}

async function liveOf(sql: Sql, system: string): Promise<number> {
  const counts = recordTables.map(
    ({ name }) =>
      `(SELECT count(*) FROM "${name}" WHERE system = ? AND deleted_at IS NULL AND withdrawn_at IS NULL)`,
  );
  const row = await sql.get(`SELECT ${counts.join(' + ')} AS n`, ...counts.map(() => system));
  return integer(row, 'n');
}
