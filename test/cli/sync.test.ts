// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { syncCommand } from '../../src/cli/sync.ts';
import { sqliteStore } from '../../src/store/sqlite/index.ts';
import { ServiceNow } from '../simulators/servicenow/index.ts';
import { call, CliBench } from './cli-bench.ts';

const bench = new CliBench();

describe('extsys sync', () => {
  test('reads all five streams, then only what changed, and deletes by a full pass', async () => {
    const all = { relationships: true, users: true, groups: true };
    const first = await bench.sync(bench.manifests(all));
    expect(first.code).toBe(0);
    expect(
      first.run.status?.streams?.map(({ name, record, complete, created }) => [
        name,
        record,
        complete,
        created,
      ]),
    ).toEqual([
      ['cis', 'Asset', true, 60],
      ['relationships', 'Relationship', true, 59],
      ['users', 'User', true, 6],
      ['groups', 'Group', true, 1],
      ['memberships', 'Membership', true, 6],
    ]);
    const secretColumns = bench.rows(
      "SELECT 1 FROM assets WHERE attributes LIKE '%stored-secret%' UNION SELECT 1 FROM users WHERE attributes LIKE '%stored-hash%'",
    );
    expect(secretColumns, 'secret columns of the dictionary are never read').toEqual([]);
    expect(bench.rows("SELECT count(*) AS n FROM assets WHERE type = 'server'")).toEqual([{ n: 60 }]);

    bench.instance.update(
      'cmdb_ci',
      ServiceNow.id('0c', 3),
      { name: 'renamed' },
      new Date(Date.now() - 90_000),
    );
    bench.instance.remove('cmdb_ci', ServiceNow.id('0c', 4));
    const second = await bench.sync(bench.manifests(all));
    expect(second.run.status?.streams?.[0]).toMatchObject({
      mode: 'Incremental',
      fetched: 1,
      updated: 1,
      deleted: 0,
    });
    const third = await bench.sync(bench.manifests(all), '--mode', 'Full');
    expect(third.run.status?.streams?.[0]).toMatchObject({
      mode: 'Full',
      fetched: 59,
      unchanged: 59,
      deleted: 1,
    });
    expect(bench.rows('SELECT external_id FROM assets WHERE deleted_at IS NOT NULL')).toEqual([
      { external_id: ServiceNow.id('0c', 4) },
    ]);
  });

  test('sends its correlation id upstream with every request', async () => {
    const { run } = await bench.sync(bench.manifests());
    const ids = new Set(bench.instance.requests.map(({ headers }) => headers['x-correlation-id']));
    expect([...ids]).toEqual([run.status?.correlationId]);
  });

  test('a table without permission leaves the other streams running', async () => {
    bench.instance.forbidden.add('sys_user');
    const { run } = await bench.sync(bench.manifests({ users: true, groups: true }));
    expect(run.status).toMatchObject({
      phase: 'PartiallySucceeded',
      failure: { code: 'permission', audience: 'administrator of the external system' },
    });
    expect(run.status?.failure?.message).toMatch(/sys_user.*grant/u);
    expect(run.status?.streams?.map(({ name, complete }) => [name, complete])).toEqual([
      ['cis', true],
      ['users', false],
      ['groups', true],
      ['memberships', true],
    ]);
  });

  test('hidden rows are never read as deleted', async () => {
    await bench.sync(bench.manifests());
    bench.instance.hidden = (table, row) => table.startsWith('cmdb_ci') && row('install_status') === '7';
    const { run } = await bench.sync(bench.manifests(), '--mode', 'Full');
    expect(run.status).toMatchObject({
      phase: 'Failed',
      failure: { code: 'permission' },
      totals: { deleted: 0 },
    });
    expect(bench.rows('SELECT count(*) AS n FROM current_assets')).toEqual([{ n: 60 }]);
  });

  test('prints YAML and a table as well', async () => {
    const file = join(bench.folder, 'system.yaml');
    writeFileSync(file, bench.manifests());
    const first = await call(syncCommand, ['-f', file, '--store', bench.store]);
    expect(first.out).toMatch(/^\S+\s+cmdb\s+Incremental\s+Full\s+Succeeded/mu);
    expect(first.out).toMatch(/cis\s+Asset\s+Full\s+yes/u);
    expect(first.err).toContain(
      'Incremental run of inventory/cmdb: what was never read to its end is read in full\n',
    );
    expect((await call(syncCommand, ['-f', file, '--store', bench.store, '-o', 'yaml'])).out).toContain(
      'phase: Succeeded',
    );
    const { out, err } = await call(syncCommand, ['-f', file, '--store', bench.store]);
    expect(out).toMatch(/NAME\s+SYSTEM\s+MODE\s+READ\s+PHASE/u);
    expect(out).toMatch(/^\S+\s+cmdb\s+Incremental\s+Incremental\s+Succeeded/mu);
    expect(out).toMatch(/cis\s+Asset\s+Incremental\s+yes/u);
    expect(err).toMatch(
      /^Incremental run of inventory\/cmdb\ncis: 0 records in 0 pages .*: 0 created, .*$/mu,
    );
    expect((await call(syncCommand, ['-f', file, '--store', bench.store, '--quiet'])).err).toBe('');
  });

  test('that another one overtakes writes nothing more, and both leave a record', async () => {
    const second = Promise.withResolvers<Awaited<ReturnType<typeof bench.sync>>>();
    bench.instance.faults.add({
      when: ({ table, params }) => table === 'sys_user' && params.get('sysparm_limit') !== '1',
      times: 1,
      answer: (response) => {
        bench.sync(bench.manifests()).then(second.resolve, second.reject);
        void second.promise.finally(() => response.end('{"result":[]}'));
      },
    });
    const first = await bench.sync(bench.manifests({ users: true }));
    expect(first).toMatchObject({
      code: 1,
      run: { status: { phase: 'Cancelled', totals: { created: 60 } } },
    });
    expect(first.run.status?.failure?.message).toBe('another run has taken the system');
    await expect(second.promise).resolves.toMatchObject({ code: 0, run: { status: { phase: 'Succeeded' } } });
    const phases = bench.rows('SELECT phase FROM runs WHERE ended_at IS NOT NULL ORDER BY sequence');
    expect(new Set(phases.map(({ phase }) => phase))).toEqual(new Set(['Cancelled', 'Succeeded']));
  });

  test('ends the record of an earlier one that was killed', async () => {
    const store = sqliteStore(`${bench.folder}/inventory.db`);
    await store.open();
    await store.claim({
      ...{ system: 'inventory/cmdb', systemUid: 'file-1', systemGeneration: 1 },
      ...{ runUid: 'killed-uid', runName: 'cmdb-cli-1', attempt: 1, mode: 'Full', trigger: 'Manual' },
      ...{ slot: undefined, correlationId: 'killed-uid', worker: 'cli-1', demo: false, at: new Date() },
    });
    await store.close();
    const { code, err } = await bench.sync(bench.manifests());
    expect(code).toBe(0);
    expect(err).toContain('cmdb-cli-1, which another run had overtaken, was ended as Cancelled');
    expect(bench.rows('SELECT count(*) AS n FROM runs WHERE ended_at IS NULL')).toEqual([{ n: 0 }]);
  });
});
