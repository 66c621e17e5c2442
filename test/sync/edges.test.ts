// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Failure } from '../../src/connector/failure.ts';
import { RunStop } from '../../src/sync/control.ts';
import { anyRun, attempted, inPeace, type Attempt, type AttemptedRun } from '../kit/attempts.ts';
import { edge, end, page, row, type Event, type Events } from '../kit/fake-connector.ts';
import { anyGroupAct, MovingGroups, type GroupAct } from '../kit/moving-groups.ts';
import { SyncBench, type RunOptions } from '../kit/sync-bench.ts';

let bench: SyncBench;
beforeEach(async () => {
  bench = await new SyncBench().open();
});
afterEach(() => bench.close());

const window = end('all', 'Window');

/** A page that brings the list of a parent to its end. */
function last(rows: readonly unknown[], ...complete: readonly string[]): Event {
  return { type: 'page', scope: 'all', rows, complete, checkpoint: { at: 1 } };
}

function run(edges: Events, options: RunOptions = {}, of = bench) {
  return of.run([end()], { edges, ...options });
}

function idsIn(of: SyncBench, deletedAtIs: 'NULL' | 'NOT NULL'): string[] {
  return of
    .rows(`SELECT external_id FROM memberships WHERE deleted_at IS ${deletedAtIs} ORDER BY external_id`)
    .map((found) => String(found['external_id']));
}
const live = () => idsIn(bench, 'NULL');

describe('an incremental run that reads the whole list of a parent', () => {
  const five = ['a', 'b', 'c', 'd', 'e'].map((member) => edge('g', member));
  beforeEach(async () => {
    await run([page([...five, edge('h', 'a')]), end()], { mode: 'Full' });
  });

  test('deletes what is no longer on it, over as many pages as it takes', async () => {
    const status = await run([page([edge('g', 'a')]), last([edge('g', 'n')], 'g'), window]);
    expect(status).toMatchObject({ phase: 'Succeeded', totals: { created: 1, unchanged: 1, deleted: 4 } });
    expect(live()).toEqual(['g/a', 'g/n', 'h/a']);
  });

  test('deletes everything of a parent that is gone', async () => {
    bench.spec = { deletion: { budget: { maxPercent: 100, maxRecords: 100, alwaysAllow: 0 } } };
    const status = await run([last([], 'g'), window]);
    expect(status.totals).toMatchObject({ fetched: 0, deleted: 5 });
    expect(live()).toEqual(['h/a']);
  });

  test('deletes nothing with the policy Keep, and says how many stay', async () => {
    bench.spec = { deletion: { policy: 'Keep' } };
    const status = await run([last([edge('g', 'a')], 'g'), window]);
    expect(status.streams?.[1]).toMatchObject({ name: 'edges', deleted: 0, withheld: 4 });
  });

  test('keeps to the deletion budget, and the next full run proposes them', async () => {
    bench.spec = { deletion: { budget: { maxPercent: 20, maxRecords: 500, alwaysAllow: 2 } } };
    const status = await run([last([edge('g', 'a')], 'g'), window]);
    expect(status).toMatchObject({ failure: { code: 'deletionBudget' }, totals: { deleted: 0 } });
    expect(status.streams?.[1]).toMatchObject({ withheld: 4 });
    bench.time += 60_000;
    const full = await run([page([edge('g', 'a'), edge('h', 'a')]), end()], { mode: 'Full' });
    expect(full.deletionProposal).toMatchObject({ records: 4 });
  });

  test.each<[string, readonly Event[]]>([
    ['in the page itself', [last([edge('g', 'a'), { name: 'no id' }], 'g')]],
    ['in a page before', [page([{ name: 'no id' }]), last([edge('g', 'a')], 'g')]],
  ])('proves nothing when a row without a readable id came %s', async (_where, events) => {
    const status = await run([...events, window]);
    expect(status.streams?.[1]).toMatchObject({ complete: false, deleted: 0 });
    expect(live()).toHaveLength(6);
    // The cursor has not moved: once the row is mended the same parent is read again.
    const mended = await run([last([edge('g', 'a')], 'g'), window]);
    expect(mended.totals).toMatchObject({ deleted: 4 });
  });

  test('proves nothing after a takeover either, when such a row came before it', async () => {
    const stop = new AbortController();
    const away = () => {
      stop.abort(new RunStop('shutdown', 'going down'));
      throw new Failure('cancelled', 'the request was aborted');
    };
    const first = run([page([{ name: 'no id' }]), away], { uid: 'x', signal: stop.signal });
    await expect(first).rejects.toThrow('going down');
    await run([last([edge('g', 'a')], 'g'), window], { uid: 'x', attempt: 2 });
    expect(live()).toHaveLength(6);
  });

  test('counts what an attempt before has read of the list', async () => {
    const broken = run([page([edge('g', 'a')]), new Failure('unavailable', '503')]);
    expect((await broken).phase).toBe('Failed');
    const status = await run([last([edge('g', 'b')], 'g'), window]);
    expect(status.totals).toMatchObject({ deleted: 3 });
    expect(live()).toEqual(['g/a', 'g/b', 'h/a']);
  });

  test('deletes what an earlier page proved gone, although a scope broke afterwards', async () => {
    const unverified = {
      type: 'unverified',
      scope: 'other',
      failure: new Failure('permission', '403'),
    } as const;
    const status = await run([last([edge('g', 'a')], 'g'), window, unverified]);
    expect(status).toMatchObject({ failure: { code: 'permission' }, totals: { deleted: 4 } });
  });
});

test('edges to a member that is gone are deleted, whatever their parents are', async () => {
  await run([page([edge('g', 'a'), edge('g', 'b'), edge('h', 'a')]), end()], { mode: 'Full' });
  const gone = (scope: string): Event => ({
    ...{ type: 'page', scope, rows: [], removedMembers: ['a', 'a'], checkpoint: { at: 1 } },
  });
  const status = await run([gone('all'), window]);
  expect(status).toMatchObject({ phase: 'Succeeded', totals: { fetched: 0, deleted: 2 } });
  expect(live()).toEqual(['g/b']);
  const wrong = await bench.run([gone('all'), window]);
  expect(wrong).toMatchObject({ phase: 'Failed', failure: { code: 'contract' } });
  expect(wrong.failure?.message).toBe(
    'items: a page of scope all says which members are removed, but Asset records have no member; ' +
      'the connector may say so only of Membership',
  );
});

test('a reader that says of records without a parent which parents are complete breaks the contract', async () => {
  const status = await bench.run([last([row('a')], 'a'), end()], { mode: 'Full' });
  expect(status).toMatchObject({ phase: 'Failed', failure: { code: 'contract' }, totals: { fetched: 0 } });
  expect(status.failure?.message).toBe(
    'items: a page of scope all says which parents are complete, but Asset records have no parent; ' +
      'the connector may say so only of Membership, Relationship, RoleAssignment',
  );
});

/* Members join and leave, groups come and go, rows break, attempts stop: an incremental run in peace has exactly what stands upstream. */

const acts = fc.array(anyGroupAct, { maxLength: 20 });
const stories = anyRun(anyGroupAct, { pages: 8, modes: ['Full', 'Incremental', 'Incremental'] });

class Story {
  private readonly upstream = new MovingGroups();
  private readonly own: SyncBench;
  private runs = 0;

  constructor(own: SyncBench) {
    this.own = own;
    own.spec = { deletion: { budget: { maxPercent: 100, maxRecords: 1000, alwaysAllow: 1000 } } };
  }

  async tell(begin: readonly GroupAct[], runs: readonly AttemptedRun<GroupAct>[]): Promise<void> {
    for (const act of begin) this.upstream.act(act);
    await this.attempt(inPeace, { mode: 'Full', uid: 'first' });
    for (const one of runs) await this.carryOut(one);
    this.upstream.mendAll();
    // A pass that was interrupted saw what may have left since; the one behind it may not.
    await this.attempt(inPeace, { uid: 'rest' });
    const clean = await this.attempt(inPeace, { uid: 'clean' });
    expect(clean?.phase).toBe('Succeeded');
    expect(idsIn(this.own, 'NULL'), 'who left is gone, and nobody else').toEqual(this.upstream.edges);
  }

  private async carryOut({ mode, attempts, meanwhile }: AttemptedRun<GroupAct>): Promise<void> {
    this.runs += 1;
    for (const [at, one] of attempts.entries()) {
      for (const act of meanwhile) this.upstream.act(act);
      const status = await this.attempt(one, { mode, uid: `run-${this.runs}`, attempt: at + 1 });
      const standing = new Set(this.upstream.edges.filter((id) => !this.upstream.wasGone(id)));
      expect(idsIn(this.own, 'NOT NULL').filter((id) => standing.has(id))).toEqual([]);
      if (status !== undefined) return;
    }
  }

  private attempt(one: Attempt<GroupAct>, options: RunOptions) {
    this.own.time += 60_000;
    return attempted(
      one,
      (act) => this.upstream.act(act),
      (between, signal) => {
        const read: Events = (request) => this.upstream.read(request, between);
        return run(read, { ...options, signal }, this.own);
      },
    );
  }
}

test('after any story an incremental run has exactly the edges that stand upstream', async () => {
  const property = fc.asyncProperty(acts, fc.array(stories, { maxLength: 5 }), async (begin, runs) => {
    const own = await new SyncBench().open();
    try {
      await new Story(own).tell(begin, runs);
    } finally {
      await own.close();
    }
  });
  await fc.assert(property, { numRuns: 60 });
}, 180_000);
