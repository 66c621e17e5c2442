// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { tableOf } from '../../inventory/columns.ts';
import {
  FenceLost,
  SystemBusy,
  type Actor,
  type Purge,
  type PurgedBatch,
  type PurgeRequest,
} from '../port.ts';
import { readAnew, readStreamAnew, recordAction, runInHand } from './actions.ts';
import { giveUpFence, lockSystem } from './fence.ts';
import { holdingsOf, knownStreams, type KnownStream } from './holdings.ts';
import { forgetPlans, forgetSamples } from './plan-passes.ts';
import { optionalText, text, type Row, type Sql } from './sql.ts';

/** Binds the rows of a system to another source. */
export async function adoptSource(
  sql: Sql,
  system: string,
  source: string,
  by: Actor,
  takeOver: boolean,
): Promise<string | undefined> {
  const row = await lockSystem(sql, system);
  if (!takeOver) await refuseRunning(sql, system);
  const before = optionalText(row, 'source');
  if (before === source) return undefined;
  if (takeOver) await takeFromRun(sql, system);
  await readAnew(sql, system, by.at);
  await sql.run('UPDATE systems SET source = ? WHERE system = ?', source, system);
  await recordAction(sql, system, 'adopt', by, { from: before ?? '', to: source });
  return before ?? '';
}

/** Not from a purge: that is under way by somebody who was asked. */
async function takeFromRun(sql: Sql, system: string): Promise<void> {
  await sql.run(
    `UPDATE systems SET fence_run_uid = NULL, fence_attempt = NULL
     WHERE system = ? AND fence_run_uid IN (SELECT run_uid FROM runs WHERE ended_at IS NULL)`,
    system,
  );
}

async function refuseRunning(sql: Sql, system: string): Promise<void> {
  const running = await runInHand(sql, system);
  if (running !== undefined) throw new SystemBusy(system, running.runName, running.worker);
}

/**
 * Takes the fence as a run does. Cursors go first: whatever is left when a purge is interrupted, the next run reads in full what it erased.
 */
export async function beginPurge(sql: Sql, request: PurgeRequest): Promise<Purge> {
  const { system, what, at } = request;
  await lockSystem(sql, system);
  if (!request.takeOver) await refuseRunning(sql, system);
  const uid = `purge-${randomUUID()}`;
  await sql.run('UPDATE systems SET fence_run_uid = ?, fence_attempt = 1 WHERE system = ?', uid, system);
  const streams = [];
  for (const stream of await streamsOf(sql, request)) {
    if (what === 'all') await readStreamAnew(sql, stream.id, at);
    streams.push(await holdingsOf(sql, stream));
  }
  if (what === 'all') await sql.run('UPDATE systems SET full_at = NULL WHERE system = ?', system);
  await recordAction(sql, system, 'purge-begun', request, { purge: uid, what, streams });
  return { request, uid, streams };
}

async function streamsOf(
  sql: Sql,
  { system, stream }: Pick<PurgeRequest, 'system' | 'stream'>,
): Promise<KnownStream[]> {
  return (await knownStreams(sql, system)).filter((one) => stream === undefined || one.stream === stream);
}

async function checkPurge(sql: Sql, { uid, request }: Purge): Promise<Row> {
  const row = await lockSystem(sql, request.system);
  if (optionalText(row, 'fence_run_uid') !== uid) throw new FenceLost(request.system);
  return row;
}

/** By ranges of the key: however many rows stay in between, each is looked at once. */
export async function purgeBatch(
  sql: Sql,
  purge: Purge,
  name: string,
  after: string,
  limit: number,
): Promise<PurgedBatch | undefined> {
  await checkPurge(sql, purge);
  const { system, what } = purge.request;
  const [stream] = await streamsOf(sql, { system, stream: name });
  if (stream === undefined) return undefined;
  const table = `"${tableOf(stream.record).name}"`;
  const found = await sql.all(
    `SELECT external_id FROM ${table} WHERE system = ? AND stream = ? AND external_id > ?
       ${what === 'all' ? '' : 'AND withdrawn_at IS NOT NULL AND deleted_at IS NULL'} ORDER BY external_id LIMIT ?`,
    ...[system, name, after, limit],
  );
  const ids = found.map((row) => text(row, 'external_id'));
  const last = ids.at(-1);
  if (last === undefined) return undefined;
  const erased = JSON.stringify(ids);
  for (const kept of ['sightings', 'removals', 'quarantine'])
    await sql.run(
      `DELETE FROM ${kept} WHERE stream_id = ? AND external_id ${sql.amongTexts}`,
      stream.id,
      erased,
    );
  await sql.run(
    `DELETE FROM ${table} WHERE system = ? AND stream = ? AND external_id ${sql.amongTexts}`,
    ...[system, name, erased],
  );
  await forgetSamples(sql, system, name, erased);
  return { erased: ids.length, last };
}

/** The archive of runs and the chain stay in any case. */
export async function endPurge(sql: Sql, purge: Purge, erased: number, at: Date): Promise<void> {
  await checkPurge(sql, purge);
  const { request, uid } = purge;
  const { system, what } = request;
  if (what === 'all') {
    for (const stream of await streamsOf(sql, request)) await forgetStream(sql, stream.id);
    await forgetPlans(sql, system, request.stream);
    if ((await knownStreams(sql, system)).length === 0)
      await sql.run('UPDATE systems SET source = NULL WHERE system = ?', system);
  }
  await recordAction(
    sql,
    system,
    'purge-ended',
    { actor: request.actor, at },
    { purge: uid, what, records: erased },
  );
  await giveUpFence(sql, system, uid);
}

/** What a stream has beside its rows. Ids of passes are not given out again, so sightings never look newer than they are. */
async function forgetStream(sql: Sql, streamId: number): Promise<void> {
  await sql.run(
    'DELETE FROM deletions WHERE scope_id IN (SELECT id FROM scopes WHERE stream_id = ?)',
    streamId,
  );
  await sql.run(
    'DELETE FROM pass_scopes WHERE pass_id IN (SELECT id FROM passes WHERE stream_id = ?)',
    streamId,
  );
  await sql.run(
    'DELETE FROM proposed_deletions WHERE proposal_id IN (SELECT id FROM deletion_proposals WHERE stream_id = ?)',
    streamId,
  );
  for (const kept of ['deletion_proposals', 'passes', 'sightings', 'removals', 'quarantine', 'scopes'])
    await sql.run(`DELETE FROM ${kept} WHERE stream_id = ?`, streamId);
  await sql.run('DELETE FROM streams WHERE id = ?', streamId);
}
