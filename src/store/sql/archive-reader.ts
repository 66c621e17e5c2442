// SPDX-License-Identifier: Apache-2.0
import type {
  ArchiveReader,
  ChainFrame,
  ChainVisitor,
  Misplaced,
  RunQuery,
  StoredAction,
  StoredRun,
} from '../port/archive.ts';
import { integer, optionalText, type Row, type Sql, type SqlEngine, type SqlValue } from './sql.ts';

/** Rows of at most 4 KiB: a page is a megabyte or two. */
const pageRows = 500;

/** What an audit asks. */
const tables = ['systems', 'runs', 'recoveries', 'actions', 'streams'];

/** All of the reader but opening and closing. */
export function sqlArchiveReader(read: SqlEngine['read']): Omit<ArchiveReader, 'open' | 'close'> {
  return {
    missingTables: () => read(missingTables),
    systems: () => read(systems),
    chain: (system, begin) => read((sql) => chain(sql, system, begin)),
    misplaced: () => read(misplaced),
    list: (query) => read((sql) => list(sql, query)),
    around: (run) => read((sql) => around(sql, run)),
    find: (nameOrUid) => read((sql) => find(sql, nameOrUid)),
  };
}

async function missingTables(sql: Sql): Promise<string[]> {
  const missing: string[] = [];
  for (const table of tables) {
    if ((await sql.get(sql.tableNamed, table)) === undefined) missing.push(table);
  }
  return missing;
}

async function systems(sql: Sql): Promise<string[]> {
  const rows = await sql.all(
    `SELECT system FROM systems UNION SELECT DISTINCT system FROM runs
     UNION SELECT DISTINCT system FROM actions UNION SELECT system FROM streams ORDER BY system`,
  );
  return rows.map((row) => lenient(row, 'system') ?? '');
}

async function chain(sql: Sql, system: string, begin: (frame: ChainFrame) => ChainVisitor): Promise<void> {
  const visitor = begin(await frameOf(sql, system));
  const actions = actionPages(sql, system);
  const nextActions = async () => {
    const { done, value } = await actions.next();
    for (const action of value ?? []) visitor.action(action);
    return done !== true;
  };
  for await (const runs of runPages(sql, system)) {
    for (const run of runs) visitor.run(run);
    while (visitor.waits() && (await nextActions()));
  }
  while (await nextActions());
}

async function* runPages(sql: Sql, system: string): AsyncGenerator<StoredRun[], undefined> {
  let after: readonly [number, string] | undefined = [Number.MIN_SAFE_INTEGER, ''];
  while (after !== undefined) {
    // The uid behind the sequence: the index that keeps a sequence from standing twice may be gone.
    const rows: readonly Row[] = await sql.all(
      `SELECT * FROM runs WHERE system = ? AND sequence IS NOT NULL AND (sequence, run_uid) > (?, ?)
       ORDER BY sequence, run_uid LIMIT ${pageRows}`,
      system,
      ...after,
    );
    yield rows.map(storedFrom);
    const last = rows.length < pageRows ? undefined : rows.at(-1);
    after = last && [integer(last, 'sequence'), lenient(last, 'run_uid') ?? ''];
  }
}

async function* actionPages(sql: Sql, system: string): AsyncGenerator<StoredAction[], undefined> {
  let after: number | undefined = Number.MIN_SAFE_INTEGER;
  while (after !== undefined) {
    const rows: readonly Row[] = await sql.all(
      `SELECT * FROM actions WHERE system = ? AND id > ? ORDER BY id LIMIT ${pageRows}`,
      system,
      after,
    );
    yield rows.map(actionFrom);
    after = rows.length < pageRows ? undefined : integer(rows.at(-1), 'id');
  }
}

function actionFrom(row: Row): StoredAction {
  return {
    system: lenient(row, 'system'),
    kind: lenient(row, 'kind'),
    at: lenient(row, 'at'),
    actor: lenient(row, 'actor'),
    json: lenient(row, 'json'),
    digest: lenient(row, 'digest'),
    notedIn: lenient(row, 'noted_in'),
  };
}

async function frameOf(sql: Sql, system: string): Promise<ChainFrame> {
  const row = await sql.get('SELECT sequence, digest FROM systems WHERE system = ?', system);
  const recoveries = await sql.all(
    'SELECT after_sequence, sequence, digest FROM recoveries WHERE system = ? ORDER BY sequence',
    system,
  );
  const has = async (condition: string) =>
    (await sql.get(`SELECT 1 FROM ${condition} LIMIT 1`, system)) !== undefined;
  const traces: string[] = [];
  for (const table of ['systems', 'streams', 'actions'])
    if (await has(`${table} WHERE system = ?`)) traces.push(table);
  return {
    head: row === undefined || integer(row, 'sequence') === 0 ? undefined : headOf(row),
    recoveries: recoveries.map((one) => ({ after: integer(one, 'after_sequence'), head: headOf(one) })),
    traces,
    unfinished: await has('runs WHERE ended_at IS NULL AND system = ?'),
  };
}

function headOf(row: Row) {
  return { sequence: integer(row, 'sequence'), digest: lenient(row, 'digest') ?? '' };
}

async function misplaced(sql: Sql): Promise<Misplaced[]> {
  const outside = await sql.all(
    `SELECT system, run_uid, run_name FROM runs
     WHERE (ended_at IS NULL) <> (sequence IS NULL) ORDER BY system, run_uid LIMIT 100`,
  );
  const doubled = await sql.all(
    `SELECT r.system, r.run_uid, r.run_name FROM runs r JOIN (
       SELECT system_uid, slot FROM runs WHERE slot IS NOT NULL GROUP BY system_uid, slot HAVING count(*) > 1
     ) d ON d.system_uid = r.system_uid AND d.slot = r.slot ORDER BY r.system, r.run_uid LIMIT 100`,
  );
  const named = (reason: string) => (row: Row) => ({
    system: lenient(row, 'system') ?? '',
    runUid: lenient(row, 'run_uid') ?? '',
    runName: lenient(row, 'run_name') ?? '',
    reason,
  });
  return [
    ...outside.map(named('it has an end without a sequence, or a sequence without an end')),
    ...doubled.map(named('another run has the same slot of the same object')),
  ];
}

/** One system by its chain, all by when runs ended: each order has its index. */
async function list(sql: Sql, { system, phase, since, after, limit }: RunQuery): Promise<StoredRun[]> {
  const conditions: string[] = ['ended_at IS NOT NULL'];
  const values: SqlValue[] = [];
  const where = (condition: string, ...given: readonly (SqlValue | undefined)[]) => {
    if (given.some((value) => value === undefined)) return;
    conditions.push(condition);
    values.push(...given.map((value) => value ?? null));
  };
  const order = system === undefined ? 'ended_at' : 'sequence';
  where('system = ?', system);
  where('phase = ?', phase);
  where('ended_at >= ?', since?.toISOString());
  where(
    `(${order}, run_uid) < (?, ?)`,
    system === undefined ? after?.endedAt : after?.sequence,
    after?.runUid,
  );
  if (system !== undefined) conditions.push('sequence IS NOT NULL');
  const rows = await sql.all(
    `SELECT * FROM runs WHERE ${conditions.join(' AND ')} ORDER BY ${order} DESC, run_uid DESC LIMIT ?`,
    ...values,
    limit,
  );
  return rows.map(storedFrom);
}

async function around(sql: Sql, { system, sequence }: StoredRun): Promise<StoredRun[]> {
  const rows = await sql.all(
    'SELECT * FROM runs WHERE system = ? AND sequence IN (?, ?) ORDER BY sequence',
    system,
    sequence - 1,
    sequence + 1,
  );
  return rows.map(storedFrom);
}

/** Names are indexed behind their systems. */
async function find(sql: Sql, nameOrUid: string): Promise<StoredRun[]> {
  const rows = await sql.all(
    `SELECT * FROM runs WHERE ended_at IS NOT NULL AND run_uid = ?
     UNION ALL SELECT * FROM runs WHERE ended_at IS NOT NULL AND run_uid <> ?
       AND system IN (SELECT system FROM systems) AND run_name = ?
     ORDER BY ended_at DESC LIMIT 10`,
    nameOrUid,
    nameOrUid,
    nameOrUid,
  );
  return rows.map(storedFrom);
}

function storedFrom(row: Row): StoredRun {
  const flag = (column: string) => integer(row, column) === 1;
  return {
    system: lenient(row, 'system') ?? '',
    sequence: integer(row, 'sequence'),
    runUid: lenient(row, 'run_uid') ?? '',
    runName: lenient(row, 'run_name') ?? '',
    systemUid: lenient(row, 'system_uid'),
    generation: integer(row, 'generation'),
    attempt: integer(row, 'attempt'),
    worker: lenient(row, 'worker'),
    mode: lenient(row, 'mode'),
    trigger: lenient(row, 'trigger'),
    slot: lenient(row, 'slot'),
    correlationId: lenient(row, 'correlation_id'),
    startedAt: lenient(row, 'started_at'),
    endedAt: lenient(row, 'ended_at'),
    phase: lenient(row, 'phase'),
    failureCode: lenient(row, 'failure_code'),
    previousDigest: lenient(row, 'previous_digest'),
    digest: lenient(row, 'digest'),
    json: lenient(row, 'json'),
    pruned: flag('pruned'),
    recovered: flag('recovered'),
  };
}

function lenient(row: Row, column: string): string | undefined {
  const value = row[column];
  return value instanceof Date && !Number.isNaN(value.getTime())
    ? value.toISOString()
    : optionalText(row, column);
}
