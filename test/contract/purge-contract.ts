// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import {
  FenceLost,
  SourceChanged,
  SystemBusy,
  type PurgedBatch,
  type PurgeRequest,
} from '../../src/store/port.ts';
import {
  at,
  claimOf,
  ContractBench,
  deleteAll,
  ended,
  endOf,
  full,
  fullPass,
  page,
  pass,
  record,
  type OpenStore,
  withCursor,
} from './contract-bench.ts';

const system = 'inventory/cmdb';
const by = { actor: 'tester@example', at: at(30) };
const request = { ...by, system, what: 'withdrawn', stream: undefined, takeOver: false } as const;

/** What a person erases, or binds to another source. */
export function purgeContract(engine: string, open: OpenStore): void {
  const bench = new ContractBench(open);
  const three = [record('a'), record('b'), record('c')];
  const withdrawAll = () => bench.store.withdrawSystem({ system, uid: 'system-uid' }, by);
  /** A full pass over three records after which an incremental one would follow. */
  const read = async () => {
    await fullPass(bench.store, 'run-0', three);
    const hold = await bench.store.claim(claimOf('run-1'));
    const { id } = await bench.store.beginPass(hold, { ...pass, fullSince: at(50) });
    await bench.store.writePage(hold, page(id, three));
    await bench.store.endScope(hold, withCursor(id, 'all'));
    await bench.store.endPass(hold, ended(id), deleteAll);
    await bench.store.finish(hold, endOf('run-1', { fullAt: at(1) }));
  };
  const count = async (table: string) =>
    Number((await bench.tested.query(`SELECT count(*) AS n FROM ${table}`))[0]?.['n']);
  const purge = async (given: Partial<PurgeRequest> = {}) => {
    const begun = await bench.store.beginPurge({ ...request, ...given });
    let erased = 0;
    for (const { stream } of begun.streams) {
      let last: string | undefined = '';
      while (last !== undefined) {
        const batch: PurgedBatch | undefined = await bench.store.purgeBatch(begun, stream, last, 2);
        erased += batch?.erased ?? 0;
        last = batch?.last;
      }
    }
    await bench.store.endPurge(begun, erased, at(31));
    return erased;
  };

  describe(`${engine}: a purge`, () => {
    it('of withdrawn rows erases them with their sightings and quarantine, and nothing else', async () => {
      await fullPass(bench.store, 'run-1', three);
      await withdrawAll();
      const hold = await bench.store.claim(claimOf('run-2'));
      const { id } = await bench.store.beginPass(hold, { ...pass, fullSince: at(50) });
      const bad = [{ externalId: 'b', reason: 'bad', path: '', raw: '{}' }];
      await bench.store.writePage(hold, page(id, [record('a')], { setAside: bad }));
      await bench.store.finish(hold, endOf('run-2'));
      expect(await bench.store.holdings(system)).toEqual({
        system,
        source: pass.source,
        running: undefined,
        streams: [{ stream: 'groups', record: 'Group', live: 1, deleted: 0, withdrawn: 2, quarantined: 1 }],
      });
      expect(await purge()).toBe(2);
      expect(await bench.liveIds()).toEqual(['a']);
      expect([await count('sightings'), await count('quarantine')]).toEqual([1, 0]);
      expect((await bench.store.archivedRuns(system, 10)).map(({ runUid }) => runUid)).toEqual([
        'run-2',
        'run-1',
      ]);
      expect((await bench.store.holdings(system))?.source).toBe(pass.source);
      expect(await purge()).toBe(0);
    });

    /** A plan that tells of three records and one that it would delete, in a stream of its own too, which no run has read. */
    const plan = async (streams: readonly string[], stopsIn?: string) => {
      const hold = await bench.store.claim(claimOf('plan-1', { mode: 'Plan' }));
      const writer = bench.store.planWriter((text) => text);
      for (const stream of streams) {
        const { id } = await writer.beginPass(hold, { ...pass, stream });
        const changed = [record('a', 'other'), record('n')];
        await writer.writePage(hold, page(id, changed, { removed: ['b'] }));
        if (stream === stopsIn) continue;
        await writer.endScope(hold, full(id));
        await writer.endPass(hold, ended(id), deleteAll);
      }
      await bench.store.finish(hold, endOf('plan-1'));
    };
    const kept = async () => {
      const tables = ['passes', 'scopes', 'sightings', 'removals', 'fields', 'samples'];
      const counts = tables.map(async (name) => [name, await count(`plan_${name}`)] as const);
      return Object.fromEntries(await Promise.all(counts));
    };

    it('of all forgets its plans, also of a stream that was never read and of a plan that was stopped', async () => {
      await read();
      await plan(['groups', 'others'], 'others');
      expect(Object.values(await kept()).every((rows) => rows > 0)).toBe(true);
      await purge({ what: 'all' });
      expect(Object.values(await kept()).every((rows) => rows === 0)).toBe(true);
    });

    it('of one stream leaves the plans of the others', async () => {
      await read();
      await plan(['groups', 'others']);
      await purge({ what: 'all', stream: 'groups' });
      expect((await bench.store.plan({ system }))?.streams.map(({ stream }) => stream)).toEqual(['others']);
    });

    it('of withdrawn rows leaves no sample of them', async () => {
      await read();
      await plan(['groups']);
      const ids = async () =>
        (await bench.store.plan({ system }))?.streams[0]?.samples.map(({ externalId }) => externalId);
      expect(await ids()).toEqual(['n', 'b', 'c', 'a']);
      await withdrawAll();
      expect(await purge()).toBe(3);
      expect(await ids()).toEqual(['n']);
    });

    it('of all leaves the archive and its chain, and frees the name for another source and kind of record', async () => {
      await fullPass(bench.store, 'run-1', three);
      const chain = (await bench.store.history(system, 'system-uid')).chainHead;
      expect(await purge({ what: 'all' })).toBe(3);
      for (const table of ['groups', 'sightings', 'streams', 'scopes', 'passes', 'pass_scopes', 'deletions'])
        expect([table, await count(table)]).toEqual([table, 0]);
      expect((await bench.store.history(system, 'system-uid')).chainHead).toEqual(chain);
      const hold = await bench.store.claim(claimOf('run-2'));
      await bench.store.beginPass(hold, { ...pass, record: 'User', source: 'other https://b.example.com' });
      expect((await bench.store.finish(hold, endOf('run-2'))).sequence).toBe(2);
    });

    it('of one stream leaves the others and the source', async () => {
      await fullPass(bench.store, 'run-1', three);
      const hold = await bench.store.claim(claimOf('run-2'));
      const { id } = await bench.store.beginPass(hold, { ...pass, stream: 'teams', fullSince: at(50) });
      await bench.store.writePage(hold, page(id, [record('x')]));
      await bench.store.endScope(hold, full(id));
      await bench.store.endPass(hold, ended(id), deleteAll);
      await bench.store.finish(hold, endOf('run-2'));
      expect(await purge({ what: 'all', stream: 'groups' })).toBe(3);
      expect(await bench.liveIds()).toEqual(['x']);
      expect(await bench.store.holdings(system)).toMatchObject({
        source: pass.source,
        streams: [{ stream: 'teams' }],
      });
    });

    it('is refused while a run has the system, unless it takes it over, and then the run may write no more', async () => {
      const hold = await bench.store.claim(claimOf('run-1'));
      const { id } = await bench.store.beginPass(hold, pass);
      await expect(bench.store.beginPurge(request)).rejects.toThrow(
        new SystemBusy(system, 'name-of-run-1', 'worker-1'),
      );
      expect((await bench.store.holdings(system))?.running).toEqual({
        runName: 'name-of-run-1',
        worker: 'worker-1',
      });
      await purge({ takeOver: true });
      await expect(bench.store.writePage(hold, page(id, [record('late')]))).rejects.toThrow(FenceLost);
    });

    it('stops when a run takes the system, is on record as begun, and can be run again', async () => {
      await read();
      const begun = await bench.store.beginPurge({ ...request, what: 'all' });
      expect(await bench.store.purgeBatch(begun, 'groups', '', 2)).toEqual({ erased: 2, last: 'b' });
      const hold = await bench.store.claim(claimOf('run-2'));
      await expect(bench.store.purgeBatch(begun, 'groups', 'b', 2)).rejects.toThrow(FenceLost);
      await expect(bench.store.endPurge(begun, 2, at(31))).rejects.toThrow(FenceLost);
      // What was erased is read again, whatever the run was made as.
      expect((await bench.store.beginPass(hold, { ...pass, mode: 'Incremental' })).mode).toBe('Full');
      await bench.store.finish(hold, endOf('run-2'));
      expect(await purge({ what: 'all' })).toBe(1);
      expect((await bench.store.actions(system, 10)).map(({ kind, actor }) => [kind, actor])).toEqual([
        ['purge-ended', by.actor],
        ['purge-begun', by.actor],
        ['purge-begun', by.actor],
      ]);
      expect(JSON.parse((await bench.store.actions(system, 1))[0]?.json ?? '')).toMatchObject({
        records: 1,
        what: 'all',
      });
    });
  });

  describe(`${engine}: another source`, () => {
    const other = 'vendor https://b.example.com';

    it('is adopted from a run that is taken over, which may write no more, and not from a purge', async () => {
      await read();
      const hold = await bench.store.claim(claimOf('run-2'));
      const { id } = await bench.store.beginPass(hold, pass);
      expect(await bench.store.adoptSource(system, other, by, true)).toBe(pass.source);
      await expect(bench.store.writePage(hold, page(id, [record('late')]))).rejects.toThrow(FenceLost);
      expect((await bench.store.holdings(system))?.running).toBeUndefined();
      expect(await bench.store.knownStreams(system)).toEqual(['groups']);
      expect(await bench.store.knownStreams(undefined)).toEqual(['groups']);
      expect(await bench.store.knownStreams('inventory/other')).toEqual([]);
      const begun = await bench.store.beginPurge(request);
      expect(await bench.store.adoptSource(system, pass.source, by, true)).toBe(other);
      await bench.store.endPurge(begun, 0, at(31));
    });

    it('is refused with both sources and both remedies, and taken once it was adopted, in full', async () => {
      await read();
      const hold = await bench.store.claim(claimOf('run-2'));
      const refused = bench.store.beginPass(hold, { ...pass, source: other });
      await expect(refused).rejects.toThrow(SourceChanged);
      await expect(refused).rejects.toThrow(
        `the rows of ${system} come from ${pass.source}, not from ${other}; if it is the same data under a new address: ` +
          `extsys adopt ${system} --source '${other}' --store URL; if it is another source: extsys purge ${system} --all --store URL`,
      );
      await expect(bench.store.adoptSource(system, other, by, false)).rejects.toThrow(SystemBusy);
      await bench.store.finish(hold, endOf('run-2'));
      expect(await bench.store.adoptSource(system, other, by, false)).toBe(pass.source);
      expect(await bench.store.adoptSource(system, other, by, false)).toBeUndefined();
      expect((await bench.store.history(system, 'system-uid')).lastFullAt).toBeUndefined();
      const next = await bench.store.claim(claimOf('run-3'));
      const begun = await bench.store.beginPass(next, { ...pass, mode: 'Incremental', source: other });
      expect(begun).toMatchObject({ mode: 'Full', lastFullAt: undefined });
      expect(await bench.liveIds()).toEqual(['a', 'b', 'c']);
      expect(
        (await bench.store.actions(system, 10)).map(({ kind, json }) => [kind, JSON.parse(json) as unknown]),
      ).toEqual([
        [
          'adopt',
          { system, kind: 'adopt', actor: by.actor, at: by.at.toISOString(), from: pass.source, to: other },
        ],
      ]);
    });
  });

  it(`${engine}: the systems of a database are known by name`, async () => {
    await fullPass(bench.store, 'run-1', three);
    expect(await bench.store.knownSystems()).toEqual([system]);
    expect(await bench.store.holdings('inventory/other')).toBeUndefined();
  });
}
