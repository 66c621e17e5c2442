// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { HashedRecord, Hold, PassWriter } from '../../src/store/port.ts';
import {
  at,
  claimOf,
  ContractBench,
  deleteAll,
  deleteNothing,
  ended,
  endOf,
  full,
  membership,
  page,
  pass as groupsPass,
  withCursor,
  type OpenStore,
} from './contract-bench.ts';

const pass = { ...groupsPass, stream: 'memberships', record: 'Membership', fullSince: at(0) } as const;

/** Edges of parents whose lists a pass has given to their ends. */
export function edgeContract(engine: string, open: OpenStore): void {
  const bench = new ContractBench(open);

  /** A complete full pass over these edges, which leaves a cursor. */
  async function fullPass(...edges: readonly HashedRecord[]): Promise<void> {
    const hold = await bench.store.claim(claimOf('run-1'));
    const { id } = await bench.store.beginPass(hold, pass);
    await bench.store.writePage(hold, page(id, edges));
    await bench.store.endScope(hold, withCursor(id, 'all'));
    await bench.store.endPass(hold, ended(id), deleteAll);
    await bench.store.finish(hold, endOf('run-1'));
  }

  async function incremental(runUid = 'run-2'): Promise<{ readonly hold: Hold; readonly id: number }> {
    const hold = await bench.store.claim(claimOf(runUid));
    const { id, mode } = await bench.store.beginPass(hold, { ...pass, mode: 'Incremental' });
    expect(mode).toBe('Incremental');
    return { hold, id };
  }

  const window = (id: number, scope = 'all') =>
    ({
      passId: id,
      scope,
      verdict: { type: 'verified', coverage: 'Window', evidence: {} },
      at: at(3),
    }) as const;

  async function close(hold: Hold, id: number, writer: PassWriter = bench.store): Promise<void> {
    await writer.endScope(hold, window(id));
    await writer.endPass(hold, ended(id), deleteAll);
  }

  async function live(): Promise<unknown[]> {
    const rows = await bench.tested.query(
      'SELECT external_id FROM memberships WHERE deleted_at IS NULL ORDER BY external_id',
    );
    return rows.map((row) => row['external_id']);
  }

  async function stated(table = 'removals'): Promise<unknown[]> {
    const rows = await bench.tested.query(`SELECT external_id FROM ${table} ORDER BY external_id`);
    return rows.map((row) => row['external_id']);
  }

  const someEdges = [
    membership('g', 'a'),
    membership('g', 'b'),
    membership('g', 'c'),
    membership('h', 'a'),
    membership('h', 'd'),
  ];

  describe(`${engine}: the edges of a parent that was read to its end`, () => {
    it('which were not given are gone; other parents keep theirs', async () => {
      await fullPass(...someEdges);
      const { hold, id } = await incremental();
      await bench.store.writePage(hold, page(id, [membership('g', 'a')]));
      expect(await stated()).toEqual([]);
      await bench.store.writePage(hold, page(id, [membership('g', 'n')], { complete: ['g'] }));
      expect(await stated()).toEqual(['g/b', 'g/c']);
      await close(hold, id);
      expect(await live()).toEqual(['g/a', 'g/n', 'h/a', 'h/d']);
      const [stream] = await bench.store.progress('run-2');
      expect(stream?.tally).toMatchObject({ created: 1, unchanged: 1, deleted: 2 });
      expect(await stated(), 'what is deleted waits no longer').toEqual([]);
      const next = await incremental('run-3');
      await bench.store.writePage(next.hold, page(next.id, [], { complete: ['g'] }));
      expect(await stated(), 'and is not stated again').toEqual(['g/a', 'g/n']);
    });

    it('that is gone itself are all gone, by a page without rows; of several parents at once too', async () => {
      await fullPass(...someEdges, membership('i', 'a'));
      const { hold, id } = await incremental();
      await bench.store.writePage(hold, page(id, [], { complete: ['g', 'h', 'never-seen'] }));
      await close(hold, id);
      expect(await live()).toEqual(['i/a']);
    });

    it('are counted and withheld as whatever the vendor states as gone', async () => {
      await fullPass(...someEdges);
      const { hold, id } = await incremental();
      await bench.store.writePage(hold, page(id, [membership('g', 'a')], { complete: ['g'] }));
      await bench.store.endScope(hold, window(id));
      const tally = await bench.tallyOf(hold, id, false);
      expect(tally.scopes).toMatchObject([{ scope: 'all', live: 5, absent: 0, removed: 2 }]);
      await bench.store.endPass(hold, ended(id), deleteNothing);
      await bench.store.finish(hold, endOf('run-2'));
      expect(await live(), 'nothing went').toHaveLength(5);
      // They wait for the next pass that may delete them, unless it sees them again.
      const next = await incremental('run-3');
      await bench.store.writePage(next.hold, page(next.id, [membership('g', 'b')]));
      await close(next.hold, next.id);
      expect(await live()).toEqual(['g/a', 'g/b', 'h/a', 'h/d']);
    });

    it('are seen in whichever scope of the pass they come, and after any takeover', async () => {
      await fullPass(...someEdges);
      const { hold, id } = await incremental();
      await bench.store.writePage(hold, page(id, [membership('g', 'b')], { scope: 'other' }));
      const again = await bench.store.claim(claimOf('run-2', { attempt: 2 }));
      const continued = await bench.store.beginPass(again, { ...pass, mode: 'Incremental' });
      expect(continued).toMatchObject({ id, continued: true });
      await bench.store.writePage(again, page(id, [membership('g', 'c')], { complete: ['g'] }));
      await bench.store.endScope(again, window(id, 'other'));
      await close(again, id);
      expect(await live()).toEqual(['g/b', 'g/c', 'h/a', 'h/d']);
    });

    it('count as there when they are set aside, and lose what was kept of them when they are gone', async () => {
      await fullPass(...someEdges);
      const bad = (externalId: string) => ({ externalId, reason: 'bad', path: '', raw: '{}' });
      const { hold, id } = await incremental();
      await bench.store.writePage(hold, page(id, [], { setAside: [bad('g/a'), bad('g/b')] }));
      await bench.store.writePage(hold, page(id, [], { complete: ['g'] }));
      await close(hold, id);
      await bench.store.finish(hold, endOf('run-2'));
      expect(await live()).toEqual(['g/a', 'g/b', 'h/a', 'h/d']);
      const next = await incremental('run-3');
      await bench.store.writePage(next.hold, page(next.id, [], { setAside: [bad('g/a')], complete: ['g'] }));
      await close(next.hold, next.id);
      expect(await live()).toEqual(['g/a', 'h/a', 'h/d']);
      const kept = await bench.store.quarantinedRows({ limit: 10 });
      expect(kept.map(({ externalId }) => externalId)).toEqual(['g/a']);
    });

    it('are not gone when a later page brings them after all, also when the parent is read twice', async () => {
      await fullPass(...someEdges);
      const { hold, id } = await incremental();
      await bench.store.writePage(hold, page(id, [membership('g', 'a')], { complete: ['g'] }));
      await bench.store.writePage(hold, page(id, [membership('g', 'b')], { complete: ['g'] }));
      expect(await stated()).toEqual(['g/c']);
      await close(hold, id);
      expect(await live()).toEqual(['g/a', 'g/b', 'h/a', 'h/d']);
    });

    it('are told by the parent that stands in the row, whatever the id looks like', async () => {
      const one = membership('g', 'a');
      const odd = { ...one, record: { ...one.record, externalId: 'h/x' } };
      await fullPass(odd, membership('h', 'd'));
      const { hold, id } = await incremental();
      await bench.store.writePage(hold, page(id, [], { complete: ['g'] }));
      await close(hold, id);
      expect(await live()).toEqual(['h/d']);
    });

    it('are neither those of another system nor those of another stream', async () => {
      await fullPass(...someEdges);
      const other = await bench.store.claim(claimOf('run-o', { system: 'inventory/other' }));
      const foreign = await bench.store.beginPass(other, pass);
      await bench.store.writePage(other, page(foreign.id, [membership('g', 'x')]));
      await bench.store.endScope(other, full(foreign.id));
      await bench.store.endPass(other, ended(foreign.id), deleteAll);
      const owners = await bench.store.claim(claimOf('run-s'));
      const second = await bench.store.beginPass(owners, { ...pass, stream: 'owners' });
      await bench.store.writePage(owners, page(second.id, [membership('g', 'y')]));
      await bench.store.writePage(owners, page(second.id, [], { complete: ['g'] }));
      expect(await stated()).toEqual([]);
    });

    it('are told by a plan as by the run after it, and the plan changes nothing', async () => {
      await fullPass(...someEdges);
      const hold = await bench.store.claim(claimOf('plan-1', { mode: 'Plan' }));
      const writer = bench.store.planWriter((text) => text);
      const { id } = await writer.beginPass(hold, pass);
      await writer.writePage(hold, page(id, [membership('g', 'a'), membership('h', 'n')]));
      await writer.writePage(hold, page(id, [membership('g', 'n')], { complete: ['g', 'h'] }));
      expect(await stated('plan_removals')).toEqual(['g/b', 'g/c', 'h/a', 'h/d']);
      await writer.writePage(hold, page(id, [membership('h', 'd')]));
      // Only what is stated goes: the scope proves nothing absent.
      await close(hold, id, writer);
      const [stream] = await bench.store.progress('plan-1');
      expect(stream?.tally).toMatchObject({ created: 2, unchanged: 2, deleted: 3 });
      expect(await live()).toHaveLength(5);
      expect(await stated()).toEqual([]);
    });

    it('is refused for records that are no edges', async () => {
      const hold = await bench.store.claim(claimOf('run-1'));
      const { id } = await bench.store.beginPass(hold, groupsPass);
      await expect(bench.store.writePage(hold, page(id, [], { complete: ['g'] }))).rejects.toThrow(
        'Group records have no parent',
      );
    });
  });

  describe(`${engine}: the edges to a member that is gone`, () => {
    it('are gone, whoever their parents are; others stay', async () => {
      await fullPass(...someEdges, membership('a', 'g'));
      const { hold, id } = await incremental();
      await bench.store.writePage(hold, page(id, [], { removedMembers: ['a', 'd', 'never-seen'] }));
      expect(await stated()).toEqual(['g/a', 'h/a', 'h/d']);
      await close(hold, id);
      expect(await live()).toEqual(['a/g', 'g/b', 'g/c']);
      const [stream] = await bench.store.progress('run-2');
      expect(stream?.tally).toMatchObject({ deleted: 3 });
      const next = await incremental('run-3');
      await bench.store.writePage(next.hold, page(next.id, [], { removedMembers: ['a'] }));
      expect(await stated(), 'what is deleted is not stated again').toEqual([]);
    });

    it('are gone although this pass has seen them, and stand again when they come later', async () => {
      await fullPass(...someEdges);
      const { hold, id } = await incremental();
      await bench.store.writePage(hold, page(id, [membership('g', 'a'), membership('h', 'a')]));
      await bench.store.writePage(hold, page(id, [], { removedMembers: ['a'] }));
      expect(await stated()).toEqual(['g/a', 'h/a']);
      await bench.store.writePage(hold, page(id, [membership('h', 'a')]));
      await close(hold, id);
      expect(await live()).toEqual(['g/b', 'g/c', 'h/a', 'h/d']);
    });

    it('lose what was kept of them in quarantine', async () => {
      await fullPass(...someEdges);
      const { hold, id } = await incremental();
      const bad = { externalId: 'g/a', reason: 'bad', path: '', raw: '{}' };
      await bench.store.writePage(hold, page(id, [], { setAside: [bad] }));
      await bench.store.writePage(hold, page(id, [], { removedMembers: ['a'] }));
      await close(hold, id);
      expect(await live()).toEqual(['g/b', 'g/c', 'h/d']);
      expect(await bench.store.quarantinedRows({ limit: 10 })).toEqual([]);
    });

    it('are neither those of another system nor those of another stream', async () => {
      await fullPass(...someEdges);
      const other = await bench.store.claim(claimOf('run-o', { system: 'inventory/other' }));
      const foreign = await bench.store.beginPass(other, pass);
      await bench.store.writePage(other, page(foreign.id, [], { removedMembers: ['a'] }));
      const owners = await bench.store.claim(claimOf('run-s'));
      const second = await bench.store.beginPass(owners, { ...pass, stream: 'owners' });
      await bench.store.writePage(owners, page(second.id, [], { removedMembers: ['a'] }));
      expect(await stated()).toEqual([]);
    });

    it('are told by a plan, which changes nothing', async () => {
      await fullPass(...someEdges);
      const hold = await bench.store.claim(claimOf('plan-1', { mode: 'Plan' }));
      const writer = bench.store.planWriter((text) => text);
      const { id } = await writer.beginPass(hold, pass);
      await writer.writePage(hold, page(id, [], { removedMembers: ['a'] }));
      expect(await stated('plan_removals')).toEqual(['g/a', 'h/a']);
      await close(hold, id, writer);
      const [stream] = await bench.store.progress('plan-1');
      expect(stream?.tally).toMatchObject({ deleted: 2 });
      expect(await live()).toHaveLength(5);
      expect(await stated()).toEqual([]);
    });

    it('is refused for records that are not looked up by a member', async () => {
      const hold = await bench.store.claim(claimOf('run-1'));
      const { id } = await bench.store.beginPass(hold, groupsPass);
      await expect(bench.store.writePage(hold, page(id, [], { removedMembers: ['a'] }))).rejects.toThrow(
        'Group records have no member',
      );
    });
  });
}
