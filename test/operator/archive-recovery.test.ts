// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Store } from '../../src/store/port.ts';
import { backupSqlite } from '../../src/store/sqlite/backup.ts';
import { sqliteStore } from '../../src/store/sqlite/index.ts';
import { minuteMs, system, World } from './world.ts';

/** A world whose database can be backed up, and replaced by its backup as a restore does it. */
class Restorable {
  readonly world: World;
  readonly folder: string;
  private readonly use: (store: Store) => void;

  private constructor(world: World, folder: string, use: (store: Store) => void) {
    this.world = world;
    this.folder = folder;
    this.use = use;
  }

  static async create(): Promise<Restorable> {
    const folder = mkdtempSync(join(tmpdir(), 'extsys-restore-'));
    let current = sqliteStore(join(folder, 'inventory.db'));
    await current.open();
    const world = await World.create(
      (memory) =>
        new Proxy(memory, { get: (_, name: keyof Store) => current[name].bind(current) as unknown }),
    );
    onTestFinished(async () => {
      await current.close();
      rmSync(folder, { recursive: true, force: true });
    });
    world.secret('1', 'good');
    world.apply({ spec: { history: { successful: 3, failed: 3 } } });
    return new Restorable(world, folder, (store) => (current = store));
  }

  get backup(): string {
    return join(this.folder, 'backup.db');
  }

  async backUp(): Promise<void> {
    const quiet = { onProgress: () => undefined, onCheck: () => undefined };
    const { signal } = new AbortController();
    await backupSqlite(join(this.folder, 'inventory.db'), this.backup, { ...quiet, signal });
  }

  async restore(): Promise<void> {
    await this.world.store.close();
    const restored = sqliteStore(this.backup);
    await restored.open();
    this.use(restored);
    this.world.restart();
  }

  /** Scheduled runs, one after the other, from their slots to their ends. */
  async rounds(count: number): Promise<void> {
    for (let round = 0; round < count; round += 1) {
      this.world.pass(15 * minuteMs);
      await this.world.round();
    }
  }

  rows(sql: string): Record<string, unknown>[] {
    const reader = new DatabaseSync(this.backup, { readOnly: true });
    try {
      return reader
        .prepare(sql)
        .all()
        .map((row) => ({ ...row }));
    } finally {
      reader.close();
    }
  }
}

const chain = 'SELECT sequence, recovered FROM runs WHERE sequence IS NOT NULL ORDER BY sequence';

describe('an archive that is behind the cluster, as after the restore of a backup', () => {
  test('gets the runs that the cluster still has again, byte by byte, and goes on with the chain by a full run', async () => {
    const it = await Restorable.create();
    const { world } = it;
    await it.rounds(2);
    await it.backUp();
    await it.rounds(2);
    const before = await world.store.archivedRuns(system, 10);
    const head = world.system().status?.chainHead;
    expect(head?.sequence).toBe(4);
    await it.restore();
    expect((await world.store.archivedRuns(system, 10)).map(({ sequence }) => sequence)).toEqual([2, 1]);
    await world.reconcile();
    expect(await world.store.archivedRuns(system, 10)).toEqual(before);
    expect(it.rows(chain).map(({ recovered }) => recovered)).toEqual([0, 0, 1, 1]);
    expect(world.recovered).toEqual([{ system, from: 2, to: 4, runs: 2, lost: 0 }]);
    await it.rounds(1);
    const next = world.newest();
    expect(next.spec.mode).toBe('Full');
    expect(next.status).toMatchObject({ sequence: 5, previousDigest: head?.digest, phase: 'Succeeded' });
    expect(next.status?.streams?.every(({ mode }) => mode === 'Full')).toBe(true);
    await it.rounds(1);
    expect(world.newest().spec.mode).toBe('Incremental');
    expect(world.recovered).toHaveLength(1);
  });

  test('says how many records stand nowhere any more', async () => {
    const it = await Restorable.create();
    const { world } = it;
    await it.rounds(1);
    await it.backUp();
    await it.rounds(6);
    await it.restore();
    await world.reconcile();
    expect(world.recovered).toEqual([{ system, from: 1, to: 7, runs: 3, lost: 3 }]);
    expect(it.rows(chain).map(({ sequence }) => sequence)).toEqual([1, 5, 6, 7]);
    await it.rounds(1);
    expect(world.newest().status).toMatchObject({ sequence: 8, phase: 'Succeeded' });
  });

  test('takes no run whose object is not as it was when it ended', async () => {
    const it = await Restorable.create();
    const { world } = it;
    await it.rounds(1);
    await it.backUp();
    await it.rounds(1);
    const forged = world.newest();
    world.cluster.put({
      ...forged,
      status: { ...forged.status, totals: { ...forged.status?.totals, created: 7 } } as never,
    });
    await it.restore();
    await world.reconcile();
    expect(world.recovered).toEqual([{ system, from: 1, to: 2, runs: 0, lost: 1 }]);
    expect(it.rows(chain).map(({ sequence }) => sequence)).toEqual([1]);
  });

  test('is written for no run before: a waiting one waits, and is carried out afterwards', async () => {
    const it = await Restorable.create();
    const { world } = it;
    await it.rounds(1);
    await it.backUp();
    await it.rounds(1);
    await it.restore();
    world.create('mine');
    const deleted = world.create('deleted');
    world.cluster.runs.delete('ns/deleted');
    await world.work();
    expect(world.run('mine').status).toBeUndefined();
    expect(await world.goneRuns.gone(deleted)).toEqual({ afterMs: expect.any(Number) });
    expect(await world.store.archivedRun(deleted.metadata.uid)).toBeUndefined();
    await world.reconcile();
    await world.work();
    expect(world.run('mine').status).toMatchObject({ phase: 'Succeeded', sequence: 3 });
  });

  test('ends a run that the backup has as open as it ended', async () => {
    const it = await Restorable.create();
    const { world } = it;
    await it.rounds(1);
    const run = world.create('mine');
    await world.store.claim({
      ...{ system, systemUid: 'system-uid', systemGeneration: 1, runUid: run.metadata.uid, runName: 'mine' },
      ...{ attempt: 1, mode: 'Incremental', trigger: 'Manual', slot: undefined, worker: 'me', demo: false },
      ...{ correlationId: run.metadata.uid, at: world.now() },
    });
    await it.backUp();
    await world.work();
    await world.reconcile();
    expect(world.run('mine').status?.phase).toBe('Succeeded');
    await it.restore();
    expect(await world.store.openRuns()).toHaveLength(1);
    await world.reconcile();
    expect(await world.store.openRuns()).toEqual([]);
    expect(await world.store.archivedRun(run.metadata.uid)).toMatchObject({
      phase: 'Succeeded',
      sequence: 2,
    });
  });
});
