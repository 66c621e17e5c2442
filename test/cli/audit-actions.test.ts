// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { adoptCommand } from '../../src/cli/adopt.ts';
import { auditEntry } from '../../src/cli/audit.ts';
import { purgeCommand } from '../../src/cli/purge.ts';
import { runsEntry } from '../../src/cli/runs.ts';
import { syncCommand } from '../../src/cli/sync.ts';
import { auditArchives, verify, type Archive } from './audit-archives.ts';
import { call, CliBench } from './cli-bench.ts';

const bench = new CliBench();
const { inFile, onServer } = auditArchives(bench);

const sync = ({ owner }: Archive) =>
  call(syncCommand, ['-f', '-', '-q', '--store', owner], bench.manifests());

/** A run that reads, a purge of all it read, and a run that names its two actions: sequences 4 and 5. */
async function purged(make: () => Promise<Archive>): Promise<Archive> {
  const archive = await make();
  expect((await sync(archive)).code).toBe(0);
  const purge = ['inventory/cmdb', '--all', '--yes', '-q', '--store', archive.owner];
  expect((await call(purgeCommand, purge)).code).toBe(0);
  expect((await sync(archive)).code).toBe(0);
  return archive;
}

const ended = "kind = 'purge-ended'";

describe.each([
  ['SQLite', inFile],
  ['PostgreSQL, by a role that may only SELECT', onServer],
])('actions in extsys audit verify: %s', (_, make) => {
  test('those that nobody touched are sound; one that no run names yet is a note until the next run', async () => {
    const archive = await purged(make);
    const { code, answer } = await verify(archive.store);
    expect(answer.findings).toEqual([]);
    expect([code, answer.notes]).toEqual([0, []]);
    const adopt = ['inventory/cmdb', '--source', 'serviceNowCmdb https://new.example.com/', '--yes'];
    expect((await call(adoptCommand, [...adopt, '--store', archive.owner])).code).toBe(0);
    const waiting = await verify(archive.store);
    expect([waiting.code, waiting.answer.findings]).toEqual([0, []]);
    expect(waiting.answer.notes).toEqual([
      {
        system: 'inventory/cmdb',
        message: expect.stringMatching(
          /^1 action not covered by the chain yet, .*: adopt of \S+Z by \S+@\S+$/u,
        ),
      },
    ]);
    // Refused, since the source is another one; its record names the action all the same.
    await sync(archive);
    const named = await verify(archive.store);
    expect([named.code, named.answer.findings, named.answer.notes]).toEqual([0, [], []]);
  });

  test.each([
    ['one deleted', `DELETE FROM actions WHERE ${ended}`, 'the table actions has no row with the digest', 5],
    ['all deleted', 'DELETE FROM actions', 'the table actions has no row with the digest', 5],
    [
      'an actor',
      `UPDATE actions SET actor = 'mallory@x' WHERE ${ended}`,
      'column actor is mallory@x, the record says',
    ],
    [
      'a kind',
      `UPDATE actions SET kind = 'adopt' WHERE ${ended}`,
      'column kind is adopt, the record says purge-ended',
    ],
    [
      'a time',
      `UPDATE actions SET at = '2020-01-01T00:00:00.000Z' WHERE ${ended}`,
      'column at is 2020-01-01T00:00:00.000Z',
    ],
    [
      'a byte',
      `UPDATE actions SET json = replace(json, '"records":60', '"records":6') WHERE ${ended}`,
      'the record has the digest',
    ],
    [
      'a digest',
      `UPDATE actions SET digest = 'sha256:forged' WHERE ${ended}`,
      'not sha256:forged of its row',
    ],
    [
      'a mark taken away',
      `UPDATE actions SET noted_in = NULL WHERE ${ended}`,
      'noted_in is empty, and the record of sequence 5',
      5,
    ],
    [
      'a mark of another run',
      `UPDATE actions SET noted_in = 'forged' WHERE ${ended}`,
      'noted_in is forged, and the record of sequence 5',
      5,
    ],
    [
      'one copied',
      `INSERT INTO actions (system, kind, at, actor, json, digest, noted_in)
         SELECT system, kind, at, actor, json, digest, noted_in FROM actions WHERE ${ended}`,
      'or the row stands twice',
    ],
    [
      'one moved to another system',
      `UPDATE actions SET system = 'inventory/other' WHERE ${ended}`,
      'column system is inventory/other, the record says inventory/cmdb',
    ],
  ])('finds %s and says which', async (_what, statement, message, sequence?: number) => {
    const { store, tamper } = await purged(make);
    await tamper(statement);
    const { code, answer } = await verify(store);
    expect([code, answer.sound]).toEqual([1, false]);
    const found = answer.findings.find((one) => one.message.includes(message));
    expect(found, JSON.stringify(answer.findings)).toMatchObject({ kind: 'action' });
    expect(found?.message).toMatch(/^\S+ of \S+Z by .+: /u);
    expect(found?.sequence).toBe(sequence);
  });

  test('reads all of them, however many', async () => {
    const { store, tamper } = await make();
    await tamper(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1201)
      INSERT INTO actions (system, kind, at, actor, json, digest)
        SELECT 'inventory/cmdb', 'adopt', '2026-03-01T00:00:00.000Z', 'x', '', CAST(i AS text) FROM n`);
    const { answer } = await verify(store);
    // Bytes that are no JSON, and a digest that is not theirs.
    expect(answer.findingsTotal).toBe(2 * 1201);
  });

  test.each(['systems', 'runs', 'recoveries', 'actions', 'streams'])(
    'that the table %s is missing is a finding',
    async (table) => {
      const { store, tamper } = await make();
      const cascade = store.startsWith('postgres') ? 'CASCADE' : '';
      await tamper(`DROP TABLE ${table} ${cascade}`);
      const { code, answer } = await verify(store, '--system', 'inventory/cmdb');
      expect(code).toBe(1);
      expect(answer.findings).toMatchObject([
        { kind: 'table', message: expect.stringContaining(`the table ${table} is missing`) },
      ]);
      if (table === 'runs')
        await expect(call(runsEntry.run, ['list', '--store', store])).rejects.toThrow(
          'somebody altered its schema, see extsys audit verify',
        );
    },
  );

  test('an archive without a run is not sound while anything of the system is left', async () => {
    const archive = await make();
    expect((await sync(archive)).code).toBe(0);
    await archive.tamper('DELETE FROM runs; DELETE FROM systems; DELETE FROM recoveries');
    const { code, answer } = await verify(archive.store);
    expect(code).toBe(1);
    expect(answer.findings).toMatchObject([
      {
        kind: 'removed',
        system: 'inventory/cmdb',
        message: expect.stringContaining('(streams), and the archive no run'),
      },
    ]);
  });
});

test('a system whose first run has not ended is no finding', async () => {
  const { store, tamper } = await inFile();
  await tamper(`INSERT INTO systems (system) VALUES ('inventory/new');
    INSERT INTO runs (run_uid, run_name, system, system_uid, generation, attempt, worker, mode, trigger, correlation_id, started_at)
      SELECT 'new-uid', 'new-1', 'inventory/new', 'new', 1, 1, worker, mode, trigger, 'c', started_at FROM runs LIMIT 1`);
  expect((await verify(store)).answer.findings).toEqual([]);
  await tamper("DELETE FROM runs WHERE run_uid = 'new-uid'");
  expect((await verify(store)).answer.findings).toMatchObject([{ kind: 'removed', system: 'inventory/new' }]);
});

test('heads of an archive that is not sound are told as such', async () => {
  const { store, tamper } = await inFile();
  const table = () => call(auditEntry.run, ['verify', '--store', store]);
  expect((await table()).out).not.toContain('do not keep');
  await tamper("UPDATE runs SET phase = 'Failed' WHERE sequence = 2");
  const { code, out } = await table();
  expect(code).toBe(1);
  expect(out).toContain('# Heads of an archive that is NOT SOUND: do not keep them.');
  expect(out).not.toContain('give them to --heads');
});
