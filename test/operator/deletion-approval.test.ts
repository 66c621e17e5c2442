// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test } from 'vitest';
import { annotations as known } from '../../src/api/group.ts';
import { Failure } from '../../src/connector/failure.ts';
import { end, page, row } from '../kit/fake-connector.ts';
import { minuteMs, World } from './world.ts';

/** A full pass is due again. */
const dayMs = 24 * 60 * minuteMs + 1_000;
const key = known.approveDeletions;
const ids = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => row(String(from + at).padStart(2, '0')));

let world: World;
beforeEach(async () => {
  world = await World.create();
  world.secret('1', 'right');
});
afterEach(() => world.store.close());

const sees = (from: number, to: number) => (world.script.events = [page(ids(from, to)), end()]);
const live = async () =>
  (await world.store.recordCounts('ns/cmdb')).find(({ kind }) => kind === 'Asset')?.live;
const approve = (token: string) => world.apply({ annotations: { [key]: token } });
const token = () => {
  const proposal = world.system().status?.deletionProposal;
  return `${proposal?.run}@${proposal?.digest}`;
};
/** A full run that finds 30 of 40 gone. */
async function proposed(change: () => void = () => undefined): Promise<string> {
  sees(0, 40);
  world.apply({});
  await world.round();
  world.pass(dayMs);
  sees(0, 10);
  change();
  await world.round();
  world.pass(minuteMs);
  return token();
}

test('a passed budget deletes nothing, and says what waits and how to approve it, also after incremental runs', async () => {
  const approval = await proposed();
  const run = world.newest();
  expect(run.status).toMatchObject({
    phase: 'PartiallySucceeded',
    failure: { code: 'deletionBudget' },
    totals: { deleted: 0 },
    deletionProposal: { records: 30, digest: approval.split('@')[1] },
  });
  expect(await live()).toBe(40);
  world.script.events = [end('all', 'Window')];
  world.pass(15 * minuteMs);
  await world.round();
  expect(world.newest().status).toMatchObject({ mode: 'Incremental', phase: 'Succeeded' });
  const said = world.condition('AwaitingApproval');
  expect(said).toContain('True DeletionBudgetPassed: 30 records look gone');
  expect(said).toContain(`extsys approve cmdb -n ns --run ${run.metadata.name}`);
  expect(said).toContain(`${key}: ${approval}`);
  expect(said).toContain('items item 10 (10)');
});

test('an approval starts a full run at once, which deletes the listed that are gone still, and nothing twice', async () => {
  const approval = await proposed();
  approve(approval);
  // 10 and 11 came back.
  sees(0, 12);
  await world.round();
  const run = world.newest();
  expect(run.metadata.name).toMatch(/^cmdb-d-[0-9a-f]{10}$/u);
  expect(run.status).toMatchObject({
    phase: 'Succeeded',
    mode: 'Full',
    totals: { deleted: 28 },
    deletionApproval: { token: approval, deleted: 28 },
  });
  expect(run.status?.deletionProposal).toBeUndefined();
  expect(await live()).toBe(12);
  expect(world.condition('AwaitingApproval')).toContain(`False ApprovalUsed: the approval of`);
  expect(world.system().status?.deletionProposal).toBeUndefined();
  // The annotation stays, and most records go again.
  const made = world.made.length;
  await world.round();
  expect(world.made).toHaveLength(made);
  world.pass(dayMs);
  sees(0, 3);
  await world.round();
  expect(world.newest().status).toMatchObject({ totals: { deleted: 0 }, deletionProposal: { records: 9 } });
  expect(await live()).toBe(12);
  expect(world.condition('AwaitingApproval')).toMatch(/^True/u);
  expect(token()).not.toBe(approval);
});

test('what is not on the approved list is proposed anew, under another token', async () => {
  const approval = await proposed();
  approve(approval);
  sees(0, 2);
  await world.round();
  expect(world.newest().status).toMatchObject({
    phase: 'PartiallySucceeded',
    totals: { deleted: 30 },
    deletionApproval: { token: approval, deleted: 30 },
    deletionProposal: { records: 8 },
  });
  expect(await live()).toBe(10);
  expect(token()).not.toBe(approval);
});

test('what was approved does not use up the budget of the others', async () => {
  approve(await proposed());
  sees(0, 9);
  await world.round();
  expect(await live()).toBe(9);
  world.pass(60 * minuteMs);
  sees(0, 5);
  world.create('by-hand', { mode: 'Full' });
  await world.round();
  // With the one that went beside the approved these are five, as many as always may.
  expect(world.run('by-hand').status).toMatchObject({ phase: 'Succeeded', totals: { deleted: 4 } });
});

test('a stream that a newer run could not read is not proposed beside what that run proposes', async () => {
  const others = (to: number) => [page(Array.from({ length: to }, (_, at) => row(`m${at}`))), end()];
  world.script.more = others(40);
  const both = await proposed(() => (world.script.more = others(20)));
  world.script.more = [new Failure('permission', 'no')];
  world.pass(dayMs);
  await world.round();
  expect(world.system().status?.deletionProposal).toMatchObject({ records: 30 });
  approve(both);
  await world.reconcile();
  expect(world.condition('AwaitingApproval')).toContain('which a newer one has replaced');
});

test('an incremental run that passes the budget proposes nothing, and says what will', async () => {
  sees(0, 40);
  world.apply({});
  await world.round();
  world.pass(15 * minuteMs);
  const removed = ids(0, 30).map(({ id }) => id);
  world.script.events = [
    { type: 'page', scope: 'all', rows: [], removed, checkpoint: { at: 1 } },
    end('all', 'Window'),
  ];
  await world.round();
  const { status } = world.newest();
  expect(status).toMatchObject({ mode: 'Incremental', failure: { code: 'deletionBudget' } });
  expect(status?.failure?.message).toContain('the next full run proposes them for approval');
  expect(status?.deletionProposal).toBeUndefined();
  expect(world.system().status?.deletionProposal).toBeUndefined();
});

test('a proposal expires after seven days: its approval is refused with the reason, and deletes nothing', async () => {
  const approval = await proposed();
  world.script.events = [end('all', 'Window')];
  world.pass(7 * dayMs);
  approve(approval);
  await world.reconcile();
  expect(world.condition('AwaitingApproval')).toContain('False ApprovalRefused');
  expect(world.condition('AwaitingApproval')).toContain('which expired at');
  expect(world.names().some((name) => name.startsWith('cmdb-d-'))).toBe(false);
  sees(0, 10);
  await world.round();
  expect(await live()).toBe(40);
});

test('a newer proposal replaces the one before, whose approval is refused and told the new one', async () => {
  const before = await proposed();
  world.pass(dayMs);
  await world.round();
  expect(token()).not.toBe(before);
  approve(before);
  await world.reconcile();
  expect(world.condition('AwaitingApproval')).toContain('which a newer one has replaced');
  expect(world.condition('AwaitingApproval')).toContain(`set it to ${token()}`);
  expect(world.names().some((name) => name.startsWith('cmdb-d-'))).toBe(false);
});

test('a full pass that is not verified uses no approval, and the next one does', async () => {
  approve(await proposed());
  world.script.events = [page(ids(0, 10)), end(), page([], 'other')];
  await world.round();
  expect(world.newest().status).toMatchObject({ phase: 'Failed', totals: { deleted: 0 } });
  expect(await live()).toBe(40);
  expect(world.condition('AwaitingApproval')).toContain('True Approved');
  sees(0, 10);
  world.pass(dayMs);
  await world.round();
  expect(await live()).toBe(10);
});

test('a worker that is lost after the deletion does not use the approval twice, and the record has it', async () => {
  const approval = await proposed();
  approve(approval);
  await world.reconcile();
  const run = world.newest();
  const lost = world.worker('lost');
  // After the first stream's pass is closed.
  world.script.more = [() => lost.shutdown(), page([row('m')]), end()];
  sees(0, 10);
  await world.work(lost);
  expect(await live()).toBe(10);
  world.lapsed.add('lost');
  world.script.more = [page([row('m')]), end()];
  await world.work();
  await world.reconcile();
  expect(world.run(run.metadata.name).status).toMatchObject({
    attempt: 2,
    totals: { deleted: 30 },
    deletionApproval: { token: approval, deleted: 30 },
  });
  expect(world.names().filter((name) => name.startsWith('cmdb-d-'))).toHaveLength(1);
});

test('a suspended system starts no run for an approval until it goes on', async () => {
  const approval = await proposed();
  world.apply({ spec: { suspend: true }, annotations: { [key]: approval } });
  await world.reconcile();
  expect(world.newest().metadata.name).not.toMatch(/^cmdb-d-/u);
  expect(world.condition('AwaitingApproval')).toContain('a full run begins once the system goes on');
  approve(approval);
  await world.reconcile();
  expect(world.newest().metadata.name).toMatch(/^cmdb-d-/u);
  expect(world.condition('AwaitingApproval')).toContain('the next full pass that is verified');
});

test('several streams of a run make one proposal; what one of them finds beyond it leaves the approval of the others', async () => {
  const others = (to: number) => [page(Array.from({ length: to }, (_, at) => row(`m${at}`))), end()];
  world.script.more = others(40);
  const both = await proposed(() => (world.script.more = others(20)));
  expect(world.system().status?.deletionProposal).toMatchObject({ records: 50 });
  expect(world.condition('AwaitingApproval')).toContain('more item m');
  approve(both);
  // The first stream finds more than was approved and proposes it; the second comes after it.
  sees(0, 1);
  await world.round();
  expect(world.newest().status).toMatchObject({
    totals: { deleted: 50 },
    deletionApproval: { token: both, deleted: 50 },
    deletionProposal: { records: 9 },
  });
  expect(await live()).toBe(30);
});

test('the policy Keep deletes nothing, also not what was approved', async () => {
  const approval = await proposed();
  world.apply({ spec: { deletion: { policy: 'Keep' } }, annotations: { [key]: approval } });
  await world.round();
  expect(world.newest().status).toMatchObject({ mode: 'Full', totals: { deleted: 0 } });
  expect(await live()).toBe(40);
});
