// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { FenceLost, SystemBusy, type ChainLink } from '../../src/store/port.ts';
import {
  at,
  claimOf,
  ContractBench,
  ended,
  endOf,
  full,
  page,
  pass,
  record,
  verdictOf,
  withCursor,
  type OpenStore,
} from './contract-bench.ts';

const by = { actor: 'tester@example', at: at(30) };
const gone = { system: 'inventory/cmdb', uid: 'system-uid' };

/** Rows that the configuration no longer asks for. */
export function withdrawalContract(engine: string, open: OpenStore): void {
  const bench = new ContractBench(open);
  const provesAll = () => ({ ...verdictOf({ absent: true, removed: true })(), withdraw: true });

  interface Seen {
    readonly scopes: Readonly<Record<string, readonly string[]>>;
    readonly stream?: string;
    readonly withdraw?: boolean;
    readonly given?: object;
    readonly before?: (hold: Awaited<ReturnType<typeof bench.store.claim>>) => Promise<void>;
  }
  /** A run with a full pass over scopes; answers how many rows it marked. */
  const run = async (
    runUid: string,
    { scopes, stream = 'groups', withdraw = true, given = {}, before }: Seen,
  ) => {
    const hold = await bench.store.claim(claimOf(runUid, given));
    const begun = await bench.store.beginPass(hold, { ...pass, stream, fullSince: at(50) });
    for (const [scope, ids] of Object.entries(scopes)) {
      const records = ids.map((id) => record(id));
      await bench.store.writePage(hold, page(begun.id, records, { scope }));
      await bench.store.endScope(hold, withCursor(begun.id, scope));
    }
    await bench.store.endPass(hold, ended(begun.id), () => ({ ...provesAll(), withdraw }));
    await before?.(hold);
    const tallies = (await bench.store.progress(runUid)).map(({ tally }) => [
      tally.stream,
      tally.withdrawn ?? 0,
    ]);
    await bench.store.finish(hold, endOf(runUid));
    return Object.fromEntries(tallies) as Readonly<Record<string, number>>;
  };
  const rows = async (where: string) =>
    (await bench.tested.query(`SELECT external_id FROM groups WHERE ${where} ORDER BY external_id`)).map(
      (row) => row['external_id'],
    );
  const withdrawn = () => rows('withdrawn_at IS NOT NULL');
  const current = async () =>
    (await bench.tested.query('SELECT external_id FROM current_groups ORDER BY external_id')).map(
      (row) => row['external_id'],
    );

  describe(`${engine}: a scope that is no longer read`, () => {
    it('has its rows withdrawn with the reason, left out of the current view, and never tombstoned', async () => {
      await run('run-1', { scopes: { one: ['a'], two: ['b', 'c'] } });
      expect(await run('run-2', { scopes: { one: ['a'] } })).toEqual({ groups: 2 });
      expect(await withdrawn()).toEqual(['b', 'c']);
      expect(await bench.liveIds()).toEqual(['a', 'b', 'c']);
      expect(await current()).toEqual(['a']);
      expect(
        await bench.tested.query(
          "SELECT withdrawn_reason, correlation_id FROM groups WHERE external_id = 'b'",
        ),
      ).toEqual([
        { withdrawn_reason: 'scope two is no longer read', correlation_id: 'correlation-of-run-2' },
      ]);
      expect(await bench.store.recordCounts('inventory/cmdb')).toContainEqual({
        ...{ kind: 'Group', live: 1, deleted: 0, withdrawn: 2 },
      });
      // Once is enough.
      expect(await run('run-3', { scopes: { one: ['a'] } })).toEqual({ groups: 0 });
    });

    it('keeps what also stands in a scope that is still read', async () => {
      await run('run-1', { scopes: { one: ['a'], two: ['a', 'b'] } });
      expect(await run('run-2', { scopes: { one: ['a'] } })).toEqual({ groups: 1 });
      expect(await current()).toEqual(['a']);
    });

    it('has what left the scopes that are read withdrawn, not deleted: it may stand there still', async () => {
      await run('run-1', { scopes: { one: ['a', 'b'], two: ['b'] } });
      await run('run-2', { scopes: { one: ['a'] } });
      expect(await bench.liveIds()).toEqual(['a', 'b']);
      expect(await withdrawn()).toEqual(['b']);
    });

    it('says nothing any more of what another scope has shown: that is proven gone there', async () => {
      await run('run-1', { scopes: { old: ['a', 'b'] } });
      expect(await run('run-2', { scopes: { new: ['a', 'b'] } })).toEqual({ groups: 0 });
      await run('run-3', { scopes: { new: ['a'] } });
      expect(await bench.liveIds()).toEqual(['a']);
      expect(await withdrawn()).toEqual([]);
    });

    it('is not told by a pass that proves nothing', async () => {
      await run('run-1', { scopes: { one: ['a'], two: ['b'] } });
      expect(await run('run-2', { scopes: { one: ['a'] }, withdraw: false })).toEqual({ groups: 0 });
      expect(await withdrawn()).toEqual([]);
    });

    it('brings its rows back when it is read again, and has those that it lost judged as any other', async () => {
      await run('run-1', { scopes: { one: ['a'], two: ['b', 'c'] } });
      await run('run-2', { scopes: { one: ['a'] } });
      await run('run-3', { scopes: { one: ['a'], two: ['b'] } });
      expect(await withdrawn()).toEqual([]);
      expect(await bench.liveIds()).toEqual(['a', 'b']);
      expect(await current()).toEqual(['a', 'b']);
      expect(await rows('deleted_at IS NOT NULL AND withdrawn_at IS NULL')).toEqual(['c']);
    });

    it('counts a row that comes back as updated, also when it is seen by an incremental pass, or set aside', async () => {
      await run('run-1', { scopes: { one: ['a'], two: ['b', 'c'] } });
      await run('run-2', { scopes: { one: ['a'] } });
      const hold = await bench.store.claim(claimOf('run-3'));
      const { id } = await bench.store.beginPass(hold, { ...pass, fullSince: at(50) });
      const bad = [{ externalId: 'c', reason: 'bad', path: '', raw: '{}' }];
      const result = await bench.store.writePage(
        hold,
        page(id, [record('b')], { scope: 'two', setAside: bad }),
      );
      expect(result).toEqual({ created: 0, updated: 1, unchanged: 0 });
      expect(await withdrawn()).toEqual(['c']);
      await bench.store.writePage(hold, page(id, [record('a')], { scope: 'one' }));
      for (const scope of ['one', 'two']) await bench.store.endScope(hold, { ...full(id), scope });
      await bench.store.endPass(hold, ended(id), provesAll);
      expect(await withdrawn()).toEqual([]);
    });

    it('does not keep a row that was seen in another, although its new form was set aside', async () => {
      await run('run-1', { scopes: { one: ['a'], two: ['b'] } });
      await run('run-2', { scopes: { one: ['a'] } });
      const hold = await bench.store.claim(claimOf('run-3'));
      const { id } = await bench.store.beginPass(hold, { ...pass, fullSince: at(50) });
      const setAside = [{ externalId: 'b', reason: 'bad', path: '', raw: '{}' }];
      await bench.store.writePage(hold, page(id, [record('a')], { scope: 'one', setAside }));
      await bench.store.endScope(hold, { ...full(id), scope: 'one' });
      await bench.store.endPass(hold, ended(id), provesAll);
      expect(await withdrawn()).toEqual([]);
    });

    it('starts without a cursor when it is read again', async () => {
      const hold = await bench.store.claim(claimOf('run-1'));
      const first = await bench.store.beginPass(hold, { ...pass, fullSince: at(50) });
      for (const scope of ['one', 'two']) {
        await bench.store.endScope(hold, withCursor(first.id, scope));
      }
      await bench.store.endPass(hold, ended(first.id), provesAll);
      await bench.store.finish(hold, endOf('run-1'));
      await run('run-2', { scopes: { one: [] } });
      const next = await bench.store.claim(claimOf('run-3'));
      const { cursors } = await bench.store.beginPass(next, { ...pass, mode: 'Incremental' });
      expect([...cursors.keys()]).toEqual(['one']);
    });
  });

  describe(`${engine}: a stream that is no longer asked for`, () => {
    const unask = (asked: readonly string[]) => ({
      before: (hold: Awaited<ReturnType<typeof bench.store.claim>>) =>
        bench.store.withdrawStreams(hold, asked, at(9)),
    });

    it('has its rows withdrawn and counted in the run, and is read in full when it is asked for again', async () => {
      await run('run-1', { scopes: { one: ['a'] } });
      await run('run-2', { scopes: { all: ['x', 'y'] }, stream: 'teams' });
      expect(await run('run-3', { scopes: { one: ['a'] }, ...unask(['groups']) })).toEqual({
        groups: 0,
        teams: 2,
      });
      expect(await current()).toEqual(['a']);
      expect(await run('run-4', { scopes: { one: ['a'] }, ...unask(['groups']) })).toEqual({ groups: 0 });
      const hold = await bench.store.claim(claimOf('run-5'));
      const again = await bench.store.beginPass(hold, { ...pass, stream: 'teams', mode: 'Incremental' });
      expect(again.mode).toBe('Full');
      await bench.store.writePage(hold, page(again.id, [record('x'), record('y')]));
      expect(await current()).toEqual(['a', 'x', 'y']);
    });

    it('is told by nobody who has lost the system', async () => {
      await run('run-1', { scopes: { one: ['a'] } });
      const late = await bench.store.claim(claimOf('run-2'));
      await bench.store.claim(claimOf('run-3'));
      await expect(bench.store.withdrawStreams(late, [], at(9))).rejects.toThrow(FenceLost);
      expect(await withdrawn()).toEqual([]);
    });
  });

  describe(`${engine}: a system whose object is gone`, () => {
    it('has its rows withdrawn once, recorded, and named in the next record of its chain', async () => {
      await run('run-1', { scopes: { one: ['a', 'b'] } });
      expect(await bench.store.systemsOfObjects()).toEqual([gone]);
      expect(await bench.store.withdrawSystem(gone, by)).toBe(2);
      expect(await bench.store.withdrawSystem(gone, { ...by, at: at(31) })).toBeUndefined();
      expect(await bench.store.systemsOfObjects()).toEqual([]);
      expect(await current()).toEqual([]);
      expect(await bench.liveIds()).toEqual(['a', 'b']);
      const [action, ...others] = await bench.store.actions('inventory/cmdb', 10);
      expect(others).toEqual([]);
      expect(action).toMatchObject({ kind: 'withdraw', actor: by.actor, at: by.at, notedIn: undefined });
      expect(JSON.parse(action?.json ?? '')).toMatchObject({ records: 2, systemUid: 'system-uid' });
      expect(action?.digest).toBe(`sha256:${hash('sha256', action?.json ?? '', 'hex')}`);
      const links: ChainLink[] = [];
      for (const uid of ['run-2', 'run-3']) {
        await bench.store.finishUnclaimed(claimOf(uid), (link) => {
          links.push(link);
          return endOf(uid)(link);
        });
      }
      expect(links.map(({ actions }) => actions?.map(({ digest }) => digest))).toEqual([
        [action?.digest],
        undefined,
      ]);
      expect((await bench.store.actions('inventory/cmdb', 10))[0]?.notedIn).toBe('run-2');
    });

    it('is left alone while a run has it', async () => {
      const hold = await bench.store.claim(claimOf('run-1'));
      await expect(bench.store.withdrawSystem(gone, by)).rejects.toThrow(SystemBusy);
      await bench.store.finish(hold, endOf('run-1'));
      expect(await bench.store.withdrawSystem(gone, by)).toBe(0);
    });

    it('is not one that was read from a file, or that another object has read since', async () => {
      await run('run-1', { scopes: { one: ['a'] }, given: { systemUid: 'file-1' } });
      expect(await bench.store.systemsOfObjects()).toEqual([]);
      const ofFile = { system: 'inventory/cmdb', uid: 'file-1' };
      expect(await bench.store.withdrawSystem(ofFile, by)).toBeUndefined();
      await run('run-2', { scopes: { one: ['a'] }, given: { systemUid: 'new-uid', at: at(5) } });
      expect(await bench.store.withdrawSystem(gone, by)).toBeUndefined();
      expect(await withdrawn()).toEqual([]);
    });

    it('comes back with what the next pass sees, which is full, and may go again', async () => {
      await run('run-1', { scopes: { one: ['a', 'b'] } });
      await bench.store.withdrawSystem(gone, by);
      const first = await bench.store.claim(claimOf('run-of-test'));
      const { mode } = await bench.store.beginPass(first, { ...pass, mode: 'Incremental' });
      expect(mode).toBe('Full');
      await bench.store.finish(first, endOf('run-of-test'));
      const again = { systemUid: 'new-uid', at: at(40) };
      await run('run-2', { scopes: { one: ['a'] }, given: again });
      expect(await current()).toEqual(['a']);
      expect(await bench.liveIds()).toEqual(['a']);
      expect(await bench.store.systemsOfObjects()).toEqual([{ system: 'inventory/cmdb', uid: 'new-uid' }]);
      expect(await bench.store.withdrawSystem({ ...gone, uid: 'new-uid' }, by)).toBe(1);
    });

    it('has its record of it kept from every change', async () => {
      await run('run-1', { scopes: { one: ['a'] } });
      await bench.store.withdrawSystem(gone, by);
      await expect(bench.tested.change("UPDATE actions SET actor = 'nobody'")).rejects.toThrow(
        /cannot be changed/u,
      );
      await expect(bench.tested.change('DELETE FROM actions')).rejects.toThrow(/cannot be deleted/u);
      await bench.tested.change("UPDATE actions SET noted_in = 'run-1'");
      await expect(bench.tested.change("UPDATE actions SET noted_in = 'run-2'")).rejects.toThrow(
        /cannot be changed/u,
      );
    });
  });
}
