// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { DatabaseSync } from 'node:sqlite';
import { dump } from 'js-yaml';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { apiVersion } from '../../src/api/group.ts';
import type { SyncRun } from '../../src/api/resource.ts';
import { InputError } from '../../src/cli/manifests.ts';
import { syncCommand } from '../../src/cli/sync.ts';
import { testCommand } from '../../src/cli/test.ts';
import { validateCommand } from '../../src/cli/validate.ts';
import { system } from '../kit/manifests.ts';
import {
  cancelledTransaction,
  hugePage,
  loginPage,
  refuse,
  resetMidBody,
  tooManyRequests,
  type Answer,
} from '../simulators/servicenow/faults.ts';
import { ServiceNow, startServiceNow } from '../simulators/servicenow/index.ts';
import type { Row } from '../simulators/servicenow/rows.ts';

const password = 'canary-of-the-cli-5512';
let folder: string;
let instance: Awaited<ReturnType<typeof startServiceNow>>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'extsys-cli-'));
  instance = await startServiceNow({
    seed: 1,
    counts: { servers: 60 },
    basic: { username: 'reader', password },
  });
});
afterEach(async () => {
  await instance.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Block {
  readonly url?: string;
  readonly classes?: readonly string[];
  readonly relationships?: boolean;
  readonly users?: boolean;
  readonly groups?: boolean;
}

function manifests(
  block: Block = {},
  spec: object = {},
  secret: object | null = { username: 'reader', password },
): string {
  const connector = { serviceNowCmdb: { url: instance.url, classes: ['cmdb_ci_server'], ...block } };
  const limits = { requestsPerSecond: 1000, maxRetries: 0 };
  const documents = [system('cmdb', { connector, limits, ...spec }, { namespace: 'inventory' })];
  const metadata = { name: 'login', namespace: 'inventory' };
  if (secret !== null) documents.push({ apiVersion: 'v1', kind: 'Secret', metadata, stringData: secret });
  return documents.map((document) => dump(document)).join('---\n');
}

async function call(command: typeof syncCommand, args: readonly string[], stdin = '') {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const code = await command(args, { stdin: Readable.from([stdin]), stdout, stderr });
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

async function sync(yaml: string, ...args: string[]) {
  const result = await call(
    syncCommand,
    ['-f', '-', '--store', `sqlite:${folder}/inventory.db`, '--output', 'json', ...args],
    yaml,
  );
  return { ...result, run: JSON.parse(result.out) as SyncRun };
}

function rows(sql: string): Record<string, unknown>[] {
  const connection = new DatabaseSync(`${folder}/inventory.db`, { readOnly: true });
  try {
    return connection.prepare(sql).all();
  } finally {
    connection.close();
  }
}

describe('extsys sync', () => {
  test('reads all five streams, then only what changed, and deletes by a full pass', async () => {
    const all = { relationships: true, users: true, groups: true };
    const first = await sync(manifests(all));
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
    const secretColumns = rows(
      "SELECT 1 FROM assets WHERE attributes LIKE '%stored-secret%' UNION SELECT 1 FROM users WHERE attributes LIKE '%stored-hash%'",
    );
    expect(secretColumns, 'secret columns of the dictionary are never read').toEqual([]);
    expect(rows("SELECT count(*) AS n FROM assets WHERE type = 'server'")).toEqual([{ n: 60 }]);

    instance.update('cmdb_ci', ServiceNow.id('0c', 3), { name: 'renamed' }, new Date(Date.now() - 90_000));
    instance.remove('cmdb_ci', ServiceNow.id('0c', 4));
    const second = await sync(manifests(all));
    expect(second.run.status?.streams?.[0]).toMatchObject({
      mode: 'Incremental',
      fetched: 1,
      updated: 1,
      deleted: 0,
    });
    const third = await sync(manifests(all), '--mode', 'Full');
    expect(third.run.status?.streams?.[0]).toMatchObject({
      mode: 'Full',
      fetched: 59,
      unchanged: 59,
      deleted: 1,
    });
    expect(rows('SELECT external_id FROM assets WHERE deleted_at IS NOT NULL')).toEqual([
      { external_id: ServiceNow.id('0c', 4) },
    ]);
  });

  test('sends its correlation id upstream with every request', async () => {
    const { run } = await sync(manifests());
    const ids = new Set(instance.requests.map(({ headers }) => headers['x-correlation-id']));
    expect([...ids]).toEqual([run.status?.correlationId]);
  });

  const pageOf = (answer: Answer) => () =>
    instance.faults.add({
      when: ({ table, params }) => table.startsWith('cmdb_ci') && params.get('sysparm_limit') !== '1',
      answer,
    });

  test.each<[string, () => string | void, string, string, RegExp]>([
    [
      'a missing Secret',
      () => manifests({}, {}, null),
      'credentials',
      'policy_violation',
      /there is no Secret inventory\/login; create it/u,
    ],
    [
      'a missing key',
      () => manifests({}, {}, { username: 'reader' }),
      'credentials',
      'policy_violation',
      /Secret inventory\/login has no key password/u,
    ],
    [
      'a wrong password',
      () => manifests({}, {}, { username: 'reader', password: 'wrong-canary-11' }),
      'credentials',
      'policy_violation',
      /401/u,
    ],
    [
      'a host that does not exist',
      () => manifests({ url: 'https://nowhere.invalid' }),
      'unavailable',
      'transient',
      /(?:no host|the host) nowhere\.invalid.*check .*spec\.connector\.serviceNowCmdb\.url/u,
    ],
    [
      'a host that is down',
      () => manifests({ url: 'http://127.0.0.1:9' }),
      'unavailable',
      'transient',
      /127\.0\.0\.1:9 refuses connections; check spec\.connector\.serviceNowCmdb\.url/u,
    ],
    [
      'an unknown class',
      () => manifests({ classes: ['cmdb_ci_spaceship'] }),
      'configuration',
      'permanent',
      /classes.*cmdb_ci_spaceship/u,
    ],
    [
      'plain http to another host',
      () => manifests({ url: 'http://198.51.100.1' }),
      'configuration',
      'permanent',
      /198\.51\.100\.1 is not https.*--allow-insecure-upstreams/u,
    ],
    ['an HTML page', pageOf(loginPage()), 'unavailable', 'transient', /hibernates|login page/u],
    ['truncated JSON', pageOf(cancelledTransaction()), 'unavailable', 'transient', /pageSize/u],
    ['a connection that breaks', pageOf(resetMidBody()), 'unavailable', 'transient', /connection broke/u],
    [
      '429 with a long Retry-After',
      pageOf(tooManyRequests(7200)),
      'throttled',
      'transient',
      /limit is reached/u,
    ],
    ['an outage', pageOf(refuse(503, 'maintenance')), 'unavailable', 'transient', /503, "maintenance"/u],
    [
      'a 200 MB page',
      pageOf(hugePage(200)),
      'contract',
      'permanent',
      /larger than \d+ bytes; lower spec\.limits\.pageSize/u,
    ],
  ])('%s ends in its class, deletes nothing and loses nothing', async (_, prepare, code, kind, message) => {
    await sync(manifests());
    const before = rows('SELECT external_id, content_hash, deleted_at FROM assets ORDER BY 1');
    const yaml = prepare() ?? manifests();
    const { code: exit, run, out, err } = await sync(yaml, '--mode', 'Full');
    expect(exit).toBe(1);
    expect(run.status?.phase).toBe('Failed');
    expect(run.status?.failure).toMatchObject({
      code,
      class: kind,
      message: expect.stringMatching(message) as string,
    });
    expect(rows('SELECT external_id, content_hash, deleted_at FROM assets ORDER BY 1')).toEqual(before);
    for (const secret of [
      password,
      'wrong-canary-11',
      Buffer.from(`reader:${password}`).toString('base64'),
    ]) {
      expect(out + err + JSON.stringify(rows('SELECT * FROM runs'))).not.toContain(secret);
    }
  });

  test.each<[string, Row, RegExp]>([
    ['of a wrong type', { name: { odd: ['a', 'list'] } }, /first [0-9a-f]{32}: row\/name /u],
    [
      'over 256 KiB',
      { u_cost_pool: 'x'.repeat(300 * 1024) },
      /first [0-9a-f]{32}: record is \d+ bytes as JSON, more than 262144/u,
    ],
  ])('a row %s is set aside, and the run says which and where to look', async (_, patch, message) => {
    await sync(manifests());
    const id = ServiceNow.id('0c', 3);
    const [before] = rows(`SELECT name, content_hash FROM assets WHERE external_id = '${id}'`);
    instance.update('cmdb_ci', id, patch, new Date(Date.now() - 300_000));
    const { code, run } = await sync(manifests(), '--mode', 'Full');
    expect(code).toBe(1);
    expect(run.status).toMatchObject({
      phase: 'PartiallySucceeded',
      failure: { class: 'permanent', code: 'contract', message: expect.stringMatching(message) as string },
      totals: { fetched: 60, unchanged: 59, deleted: 0, failed: 1 },
      streams: [{ complete: true, failed: 1 }],
    });
    expect(run.status?.failure?.message).toMatch(/table quarantine/u);
    expect(rows(`SELECT name, content_hash FROM assets WHERE external_id = '${id}'`)).toEqual([before]);
    expect(rows('SELECT external_id FROM quarantine')).toEqual([{ external_id: id }]);
  });

  test('a table without permission leaves the other streams running', async () => {
    instance.forbidden.add('sys_user');
    const { run } = await sync(manifests({ users: true, groups: true }));
    expect(run.status).toMatchObject({
      phase: 'PartiallySucceeded',
      failure: { code: 'permission', audience: 'vendor administrator' },
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
    await sync(manifests());
    instance.hidden = (table, row) => table.startsWith('cmdb_ci') && row('install_status') === '7';
    const { run } = await sync(manifests(), '--mode', 'Full');
    expect(run.status).toMatchObject({
      phase: 'Failed',
      failure: { code: 'permission' },
      totals: { deleted: 0 },
    });
    expect(rows('SELECT count(*) AS n FROM current_assets')).toEqual([{ n: 60 }]);
  });

  test.each([
    ['no file', [], '', /-f FILE is missing/u],
    [
      'a file that is not there',
      ['-f', '/nonexistent/system.yaml'],
      '',
      /cannot read \/nonexistent\/system\.yaml/u,
    ],
    ['text that is no YAML', ['-f', '-'], 'a: [', /is not YAML/u],
    ['a document without kind', ['-f', '-'], 'apiVersion: v1', /document 1: kind is missing/u],
    [
      'an unknown mode',
      ['-f', '-', '--mode', 'Sideways'],
      'x',
      /--mode Sideways: use Incremental, Full, Test/u,
    ],
    ['an unknown output', ['-f', '-', '--output', 'xml'], 'x', /--output xml: use json, yaml, table/u],
  ])('%s is unusable input', async (_, args, stdin, message) => {
    await expect(call(syncCommand, args, stdin)).rejects.toThrow(message);
    await expect(call(syncCommand, args, stdin)).rejects.toBeInstanceOf(InputError);
  });

  test.each<[string, object, RegExp]>([
    [
      'a password that is a number',
      { stringData: { username: 'reader', password: 12_345_678 } },
      /Secret login: stringData\.password: must be text; put it in quotes/u,
    ],
    [
      'data that is no base64',
      { data: { username: 'cmVhZGVy', password: 'not base64!' } },
      /Secret login: data\.password: is not base64; use stringData for plain text/u,
    ],
  ])('a Secret with %s is refused before anything is sent, and not quoted', async (_, content, message) => {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'login', namespace: 'inventory' },
      ...content,
    };
    const yaml = [manifests({}, {}, null), dump(secret)].join('---\n');
    for (const command of [syncCommand, testCommand]) {
      const refused = call(command, ['-f', '-'], yaml);
      await expect(refused).rejects.toThrow(message);
      await expect(refused).rejects.not.toThrow(/12345678|12_345_678|not base64!/u);
    }
    expect(instance.requests).toEqual([]);
  });

  test('an address that no schema refuses but nobody can contact is refused, and opens no run', async () => {
    const yaml = manifests({ url: 'https://cmdb.example.com:99999' });
    const message = /spec\.connector\.serviceNowCmdb: the address is none that can be contacted/u;
    await expect(
      call(syncCommand, ['-f', '-', '--store', `sqlite:${folder}/inventory.db`], yaml),
    ).rejects.toThrow(message);
    expect((await call(validateCommand, ['-f', '-'], yaml)).err).toMatch(message);
  });

  test('an invalid spec is refused before anything is sent, naming every field', async () => {
    const yaml = manifests({ classes: [] }, { schedule: { cron: ['61 * * * *'] }, typo: 1 });
    const attempt = call(syncCommand, ['-f', '-', '--store', `sqlite:${folder}/x.db`], yaml);
    await expect(attempt).rejects.toThrow(
      /spec\.connector\.serviceNowCmdb\.classes[^]*spec\.schedule\.cron\[0\]|spec\.schedule\.cron\[0\][^]*classes/u,
    );
    await expect(call(syncCommand, ['-f', '-'], yaml)).rejects.toThrow(/unknown field typo/u);
    expect(instance.requests).toEqual([]);
  });

  test('prints YAML and a table as well', async () => {
    const file = join(folder, 'system.yaml');
    writeFileSync(file, manifests());
    const store = `sqlite:${folder}/inventory.db`;
    expect((await call(syncCommand, ['-f', file, '--store', store, '-o', 'yaml'])).out).toContain(
      'phase: Succeeded',
    );
    const { out, err } = await call(syncCommand, ['-f', file, '--store', store]);
    expect(out).toMatch(/NAME\s+SYSTEM\s+MODE\s+PHASE/u);
    expect(out).toMatch(/cis\s+Asset\s+Incremental\s+yes/u);
    expect(err).toMatch(/^cis: 0 records in 0 pages \(0\/s\): 0 created, 0 updated, 0 unchanged$/mu);
  });
});

describe('extsys test', () => {
  test('says stream by stream what can be read, and exits 1 when something is missing', async () => {
    const good = await call(testCommand, ['-f', '-'], manifests({ users: true }));
    expect(good.code).toBe(0);
    expect(good.err).toMatch(/^users: sys_user: readable, 6 rows counted$/mu);
    instance.forbidden.add('sys_user');
    const bad = await call(testCommand, ['-f', '-', '-o', 'json'], manifests({ users: true }));
    expect(bad.code).toBe(1);
    const { status } = JSON.parse(bad.out) as SyncRun;
    expect(status?.streams).toMatchObject([
      { name: 'cis', complete: true },
      { name: 'users', complete: false },
    ]);
  });
});

describe('extsys validate', () => {
  test('takes a SyncRun whose name the API server is to make, and says which other has none', async () => {
    const spec = { systemRef: { name: 'cmdb' }, mode: 'Full' };
    const run = { apiVersion, kind: 'SyncRun', metadata: { generateName: 'cmdb-now-' }, spec };
    const good = await call(validateCommand, ['-f', '-'], dump(run));
    expect(good).toMatchObject({ code: 0, out: 'SyncRun cmdb-now-xxxxx: valid\n' });
    const nameless = call(validateCommand, ['-f', '-'], dump({ ...run, metadata: {} }));
    await expect(nameless).rejects.toThrow('document 1 (SyncRun): metadata.name is missing');
  });

  test('says valid, or which field is wrong, and exits 2', async () => {
    expect(await call(validateCommand, ['-f', '-'], manifests())).toMatchObject({
      code: 0,
      out: 'ExternalSystem cmdb: valid\nSecret login: valid\n',
    });
    const bad = await call(validateCommand, ['-f', '-'], manifests({}, { schedule: { every: '10s' } }));
    expect(bad.code).toBe(2);
    expect(bad.err).toContain(
      'ExternalSystem cmdb: spec.schedule.every: 10s is out of bounds; use 1m to 8760h',
    );
  });
});
