// SPDX-License-Identifier: Apache-2.0
import { tableOf } from '../../inventory/columns.ts';
import type { HashedRecord, Hold, PageResult, PageWrite } from '../port.ts';
import { edgesLeftOut, edgesToMembers } from './edges.ts';
import { checkFence } from './fence.ts';
import { count, revokeRemovals, stateRemoved } from './pages.ts';
import { changesOf, comparedColumns, shown } from './plan-changes.ts';
import { planPass, planScopeId, type PlanPass } from './plan-passes.ts';
import { countFields, keepSamples } from './plan-samples.ts';
import { integer, optionalText, text, type Row, type Sql } from './sql.ts';

type Redact = (text: string) => string;

/** What a page would change. Nothing of it is stored but which records were seen, and with which hash. */
export async function writePlanPage(
  sql: Sql,
  hold: Hold,
  page: PageWrite,
  redact: Redact,
): Promise<PageResult> {
  await checkFence(sql, hold);
  const pass = await planPass(sql, page.passId);
  const scope = await planScopeId(sql, pass, page.scope);
  await stateRemoved(sql, pass, page.removed, 'plan_removals');
  for await (const edges of edgesToMembers(sql, pass, page))
    await stateRemoved(sql, pass, edges, 'plan_removals');
  const known = await knownHashes(sql, pass, page.records);
  const created = page.records.filter(({ record }) => !known.has(record.externalId));
  const updated = page.records.filter(({ record, hash }) => {
    const before = known.get(record.externalId);
    return before !== undefined && (before.gone || before.hash !== hash);
  });
  const back = updated.map(({ record }) => record.externalId).filter((id) => known.get(id)?.gone === true);
  const added = new Set([...created.map(({ record }) => record.externalId), ...back]);
  // A withdrawn row stands among those that are not deleted already.
  const standing = new Set(back.filter((id) => known.get(id)?.withdrawn === true));
  await sight(sql, pass, scope, page, new Set([...added].filter((id) => !standing.has(id))));
  const seen = [...page.records.map(({ record }) => record.externalId), ...setAsideIds(page)];
  await revokeRemovals(sql, pass, JSON.stringify(seen), 'plan_removals');
  await stateRemoved(sql, pass, await edgesLeftOut(sql, pass, page, 'plan_sightings'), 'plan_removals');
  const result = {
    created: created.length,
    updated: updated.length,
    unchanged: page.records.length - created.length - updated.length,
  };
  await count(sql, hold, page, pass, result, 'plan_passes');
  if (added.size > 0)
    await sql.run('UPDATE plan_passes SET added = added + ? WHERE id = ?', added.size, page.passId);
  await keepSamples(
    sql,
    pass.passId,
    'create',
    created.map(({ record }) => sampleOf(record, redact)),
  );
  await tellUpdates(sql, pass, updated, redact);
  await keepSamples(
    sql,
    pass.passId,
    'setAside',
    page.setAside.map(({ externalId, path, reason }) => ({
      externalId,
      // Reasons of the mapping begin with their path.
      reason: reason.startsWith(path) ? reason : `${path}: ${reason}`,
    })),
  );
  return result;
}

interface Known {
  readonly hash: string | undefined;
  readonly gone: boolean;
  /** Gone, but not deleted. */
  readonly withdrawn: boolean;
}

/** As they would stand before this page: what the plan itself has seen hides what is stored. */
async function knownHashes(
  sql: Sql,
  pass: PlanPass,
  records: readonly HashedRecord[],
): Promise<Map<string, Known>> {
  if (records.length === 0) return new Map();
  const ids = JSON.stringify(records.map(({ record }) => record.externalId));
  const stored = await sql.all(
    `SELECT external_id, content_hash, CASE WHEN deleted_at IS NULL AND withdrawn_at IS NULL THEN 0 ELSE 1 END AS gone,
       CASE WHEN deleted_at IS NULL AND withdrawn_at IS NOT NULL THEN 1 ELSE 0 END AS withdrawn
     FROM "${tableOf(pass.record).name}" WHERE system = ? AND stream = ? AND external_id ${sql.amongTexts}`,
    pass.system,
    pass.stream,
    ids,
  );
  const seen = await sql.all(
    `SELECT external_id, content_hash, 0 AS gone, 0 AS withdrawn FROM plan_sightings
     WHERE stream_id = ? AND content_hash IS NOT NULL AND external_id ${sql.amongTexts} ORDER BY page`,
    pass.id,
    ids,
  );
  return new Map(
    [...stored, ...seen].map((row) => [
      text(row, 'external_id'),
      {
        hash: optionalText(row, 'content_hash'),
        gone: integer(row, 'gone') === 1,
        withdrawn: integer(row, 'withdrawn') === 1,
      },
    ]),
  );
}

function setAsideIds(page: PageWrite): string[] {
  return page.setAside.flatMap(({ externalId }) => externalId ?? []);
}

/** As one JSON array of records that both engines take apart. */
async function sight(
  sql: Sql,
  pass: PlanPass,
  scope: number,
  page: PageWrite,
  added: ReadonlySet<string>,
): Promise<void> {
  const good = page.records.map(({ record, hash }) =>
    JSON.stringify([record.externalId, hash, added.has(record.externalId) ? 1 : 0]),
  );
  const bad = setAsideIds(page).map((id) => JSON.stringify([id, null, 0]));
  if (good.length + bad.length === 0) return;
  const pages = await sql.get(
    'SELECT pages FROM run_streams WHERE run_uid = ? AND stream = ?',
    pass.runUid,
    pass.stream,
  );
  const number = integer(pages, 'pages') + 1;
  await sql.run(
    `INSERT INTO plan_sightings AS p (stream_id, external_id, scope_id, pass_id, page, content_hash, added)
     SELECT CAST(? AS bigint), ${sql.jsonItem('value', 0)}, CAST(? AS bigint), CAST(? AS bigint), CAST(? AS bigint),
       ${sql.jsonItem('value', 1)}, CAST(${sql.jsonItem('value', 2)} AS bigint)
     FROM ${sql.textsOfJson} WHERE true
     ON CONFLICT (stream_id, external_id, scope_id) DO UPDATE SET pass_id = excluded.pass_id,
       page = CASE WHEN excluded.content_hash IS NULL THEN p.page ELSE excluded.page END,
       content_hash = coalesce(excluded.content_hash, p.content_hash),
       added = CASE WHEN excluded.added = 1 THEN 1 ELSE p.added END`,
    pass.id,
    scope,
    pass.passId,
    number,
    JSON.stringify([...good, ...bad]),
  );
}

async function tellUpdates(
  sql: Sql,
  pass: PlanPass,
  updated: readonly HashedRecord[],
  redact: Redact,
): Promise<void> {
  if (updated.length === 0) return;
  const table = tableOf(pass.record);
  const rows = await sql.all(
    `SELECT ${comparedColumns(table)} FROM "${table.name}"
     WHERE system = ? AND stream = ? AND external_id ${sql.amongTexts}`,
    pass.system,
    pass.stream,
    JSON.stringify(updated.map(({ record }) => record.externalId)),
  );
  const before = new Map<string, Row>(rows.map((row) => [text(row, 'external_id'), row]));
  const changed = updated.map(({ record }) => {
    const row = before.get(record.externalId);
    return { record, changes: row === undefined ? [] : changesOf(table, row, record) };
  });
  await countFields(
    sql,
    pass.passId,
    changed.flatMap(({ changes }) => changes.map(({ field }) => field)),
  );
  await keepSamples(
    sql,
    pass.passId,
    'update',
    changed.map(({ record, changes }) => ({
      ...sampleOf(record, redact),
      changes: changes.slice(0, 20).map((change) => shown(change, redact)),
    })),
  );
}

function sampleOf(record: HashedRecord['record'], redact: Redact) {
  const { name } = record.columns as { readonly name?: unknown };
  return {
    externalId: redact(record.externalId),
    ...(typeof name === 'string' ? { name: redact(name) } : {}),
  };
}
