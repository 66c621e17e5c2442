// SPDX-License-Identifier: Apache-2.0
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { auditEntry } from '../../src/cli/audit.ts';
import { runsEntry } from '../../src/cli/runs.ts';
import { auditArchives, verify } from './audit-archives.ts';
import { call, CliBench } from './cli-bench.ts';

const bench = new CliBench();
const { inFile, onServer, threeRuns } = auditArchives(bench);

describe.each([
  ['SQLite', inFile],
  ['PostgreSQL, by a role that may only SELECT', onServer],
])('extsys audit verify: %s', (_, make) => {
  test('an archive that nobody touched is sound, and tells the head to keep', async () => {
    const { store } = await make();
    const { code, answer } = await verify(store);
    expect(answer.findings).toEqual([]);
    expect(code).toBe(0);
    expect(answer.heads).toEqual([expect.stringMatching(/^\S+\/\S+=3@sha256:[0-9a-f]{64}$/u)]);
    const kept = join(bench.folder, 'heads');
    const table = await call(auditEntry.run, ['verify', '--store', store]);
    expect(table.out).toContain('3 runs of 1 systems: sound');
    writeFileSync(kept, `# kept\n\n${answer.heads.join('\n')}\n`);
    expect((await verify(store, '--heads', kept)).code).toBe(0);
  });

  test.each([
    ['a byte', "UPDATE runs SET json = replace(json, 'Test', 'Tast') WHERE sequence = 2", 'altered', 2],
    ['a column', "UPDATE runs SET phase = 'Failed' WHERE sequence = 2", 'altered', 2],
    ['a time', "UPDATE runs SET ended_at = '2020-01-01T00:00:00.000Z' WHERE sequence = 1", 'altered', 1],
    ['a removed run', 'DELETE FROM runs WHERE sequence = 2', 'removed', 2],
    ['the newest removed', 'DELETE FROM runs WHERE sequence = 3', 'removed', 3],
    ['all removed', 'DELETE FROM runs', 'removed', 1],
    ['one doubled', 'UPDATE runs SET sequence = 2 WHERE sequence = 3', 'inserted', 2],
    ['one taken out of the chain', 'UPDATE runs SET sequence = NULL WHERE sequence = 2', 'slot', undefined],
    ['the head', 'UPDATE systems SET sequence = 2', 'head', 3],
  ])('finds %s and says which', async (_what, statement, kind, sequence) => {
    const { store, tamper } = await make();
    await tamper(statement);
    const { code, answer } = await verify(store);
    expect(code).toBe(1);
    expect(answer.sound).toBe(false);
    const match = sequence === undefined ? { kind } : { kind, sequence };
    expect(answer.findings).toContainEqual(expect.objectContaining(match));
  });

  test('tells of one finding as of one', async () => {
    const { store, tamper } = await make();
    await tamper("UPDATE runs SET json = replace(json, 'correlationId', 'correlatedId') WHERE sequence = 3");
    const { out } = await call(auditEntry.run, ['verify', '--store', store]);
    expect(out).toMatch(/NOT SOUND, 1 finding$/mu);
  });

  test('finds two that changed places', async () => {
    const { store, tamper } = await make();
    await tamper('UPDATE runs SET sequence = 5 - sequence WHERE sequence IN (2, 3)');
    const { answer } = await verify(store);
    for (const sequence of [2, 3])
      expect(answer.findings).toContainEqual(expect.objectContaining({ kind: 'altered', sequence }));
  });

  test('the newest cut off with its head shows against a kept head alone', async () => {
    const { store, tamper } = await make();
    const { answer } = await verify(store);
    await tamper(
      'UPDATE systems SET sequence = 2, digest = (SELECT digest FROM runs WHERE sequence = 2); DELETE FROM runs WHERE sequence = 3',
    );
    expect((await verify(store)).code).toBe(0);
    const against = await verify(store, '--head', answer.heads[0] ?? '');
    expect(against.code).toBe(1);
    expect(against.answer.findings).toMatchObject([{ kind: 'head', sequence: 3 }]);
  });
});

describe('extsys audit verify', () => {
  test('leaves the file as it is, byte for byte', async () => {
    await inFile();
    const file = join(bench.folder, 'inventory.db');
    const before = readFileSync(file);
    expect((await verify(bench.store)).code).toBe(0);
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test('migrates nothing: it refuses an older schema, a newer one, and what is no inventory', async () => {
    const { tamper } = await inFile();
    const refused = (store: string) => call(auditEntry.run, ['verify', '--store', store]);
    await tamper("DELETE FROM migrations WHERE name LIKE '0010%'");
    await expect(refused(bench.store)).rejects.toThrow('is without migration 0010_recoveries.sql');
    await tamper("INSERT INTO migrations VALUES (999, '0999_later.sql', 'x')");
    await expect(refused(bench.store)).rejects.toThrow('has schema 999, newer than');
    const other = join(bench.folder, 'other.db');
    new DatabaseSync(other).exec('CREATE TABLE notes (text TEXT)');
    await expect(refused(`sqlite:${other}`)).rejects.toThrow('its table migrations cannot be read');
    await expect(refused(`sqlite:${other}.none`)).rejects.toThrow('there is no such file');
  });

  test.each([
    [['--head', 'a=1'], '--head: a=1 is no head; write NAMESPACE/NAME=SEQUENCE@DIGEST'],
    [['--heads', '/no/such/file'], '--heads /no/such/file:'],
    [['--system', 'cmdb'], '--system cmdb: write NAMESPACE/NAME'],
    [['-o', 'yaml'], '--output yaml: use table or json'],
    [['-A', '-n', 'x'], '--all-namespaces and --namespace'],
  ])('refuses %j', async (args, message) => {
    await expect(call(auditEntry.run, ['verify', ...args])).rejects.toThrow(message);
  });
});

test('a system that is not there is no sound one', async () => {
  await threeRuns(bench.store);
  await expect(verify(bench.store, '--system', 'a/b')).rejects.toThrow(
    '--system a/b: the archive has no such system',
  );
});

describe('extsys runs', () => {
  test.each([
    ['SQLite', inFile],
    ['PostgreSQL', onServer],
  ])('lists the archive page by page, newest first, and shows one run: %s', async (_, make) => {
    const { store, tamper } = await make();
    const list = async (...args: string[]) => {
      const { out } = await call(runsEntry.run, ['list', '--store', store, '-o', 'json', ...args]);
      return JSON.parse(out) as { sequence: number; uid: string; name: string; system: string }[];
    };
    const all = await list();
    expect(all.map(({ sequence }) => sequence)).toEqual([3, 2, 1]);
    for (const which of [[], ['--system', all[0]?.system ?? '']]) {
      const first = await list('--limit', '1', ...which);
      const rest = await list('--after', first[0]?.uid ?? '', ...which);
      expect([...first, ...rest]).toEqual(all);
    }
    expect(await list('--phase', 'Failed')).toEqual([]);
    expect(await list('--since', '2999-01-01T00:00:00Z')).toEqual([]);
    expect(await list('--since', '1h')).toHaveLength(3);
    await expect(list('--system', 'a/b')).rejects.toThrow(
      '--system a/b: the database knows no such system; it has inventory/cmdb',
    );
    expect(await list('--system', 'inventory/cmdb', '--phase', 'Failed')).toEqual([]);

    const show = (wanted: string, ...args: string[]) =>
      call(runsEntry.run, ['show', wanted, '--store', store, ...args]);
    const uid = all[1]?.uid ?? '';
    const shown = await show(uid, '-o', 'json');
    expect(shown.code).toBe(0);
    expect(JSON.parse(shown.out)).toMatchObject({
      sound: true,
      chain: { before: { sequence: 1, linked: true }, behind: { sequence: 3, linked: true } },
      record: { run: { uid }, status: { phase: 'Succeeded' } },
    });
    await tamper("UPDATE runs SET phase = 'Failed' WHERE sequence = 2");
    const changed = await show(uid);
    expect(changed.code).toBe(1);
    expect(changed.out).toContain('column phase is Failed, the record says Succeeded');
    await expect(show('nobody')).rejects.toThrow('the archive has no finished run nobody');
  });
});
