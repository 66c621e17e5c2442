// SPDX-License-Identifier: Apache-2.0
import { optionalText, text, type Row } from '../../src/store/sql/sql.ts';
import type { RunRow } from './auditor.ts';
import type { RowWrite } from './journal.ts';
import type { UpstreamHistory } from './upstream-history.ts';

export interface RowEvidence {
  readonly runs: readonly RunRow[];
  readonly writes: readonly RowWrite[];
  /** Id and name of the rows that are not deleted. */
  readonly live: readonly Row[];
  readonly upstream: UpstreamHistory;
}

/** No row was wrong at any moment, none is now, and the runs say what was done to them. */
export function* auditRows({ runs, writes, live, upstream }: RowEvidence): Generator<string> {
  const byId = Map.groupBy(writes, ({ id }) => id);
  for (const [id, ofId] of byId) yield* auditWrites(id, ofId, upstream);
  yield* auditInventory(live, upstream);
  yield* auditCounts(runs, writes);
}

/** Each write of a record was true upstream at that moment or before, and none is older than the one before it. */
function* auditWrites(id: string, writes: readonly RowWrite[], upstream: UpstreamHistory): Generator<string> {
  const versions = upstream.of(id);
  let newest = -1;
  for (const write of writes) {
    if (write.kind === 'delete') {
      yield `row ${id} was erased`;
      continue;
    }
    if (write.tombstoned) {
      const gone = versions.findIndex(
        ({ name, sinceMs }, index) => index > newest && name === undefined && sinceMs <= write.atMs,
      );
      if (gone === -1) yield `row ${id} (${write.name}) was marked as gone, and was never gone upstream`;
      else newest = gone;
      continue;
    }
    const version = versions.findIndex(({ name }) => name === write.name);
    const known = versions[version];
    if (known === undefined || known.sinceMs > write.atMs)
      yield `row ${id} was written as ${JSON.stringify(write.name)}, which it never was upstream`;
    else if (version < newest) yield `row ${id} was written as ${write.name} over a newer version`;
    newest = Math.max(newest, version);
  }
}

function* auditInventory(live: readonly Row[], upstream: UpstreamHistory): Generator<string> {
  const rows = new Map(live.map((row) => [text(row, 'external_id'), optionalText(row, 'name') ?? '']));
  const { truth } = upstream;
  for (const [id, name] of truth) {
    const found = rows.get(id);
    if (found === undefined) yield `record ${id} (${name}) is upstream and not in the inventory`;
    else if (found !== name) yield `record ${id} is ${found} in the inventory and ${name} upstream`;
  }
  for (const [id, name] of rows)
    if (!truth.has(id)) yield `row ${id} (${name}) is in the inventory and not upstream`;
}

/** What each run says that it created, updated and deleted is what the database has noted for it: nothing twice, nothing left out. */
function* auditCounts(runs: readonly RunRow[], writes: readonly RowWrite[]): Generator<string> {
  const byRun = Map.groupBy(writes, ({ correlationId }) => correlationId);
  for (const { uid, name, record } of runs) {
    const done = byRun.get(record?.status.correlationId ?? uid) ?? [];
    byRun.delete(record?.status.correlationId ?? uid);
    const counted = {
      created: done.filter(({ kind }) => kind === 'insert').length,
      updated: done.filter(({ contentChanged }) => contentChanged).length,
      deleted: done.filter(({ tombstoned }) => tombstoned).length,
    };
    const { created = 0, updated = 0, deleted = 0 } = record?.status.totals ?? {};
    for (const [what, said] of Object.entries({ created, updated, deleted })) {
      const rows = counted[what as keyof typeof counted];
      if (said !== rows) yield `${name} says that it ${what} ${said} records, and it ${what} ${rows}`;
    }
  }
  for (const correlationId of byRun.keys())
    yield `rows were written for ${correlationId}, which is no run of the system`;
}
