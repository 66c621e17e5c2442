// SPDX-License-Identifier: Apache-2.0
import { dump } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/cli/manifests.ts';
import { syncCommand } from '../../src/cli/sync.ts';
import { testCommand } from '../../src/cli/test.ts';
import { validateCommand } from '../../src/cli/validate.ts';
import { hugePage, type Answer } from '../simulators/faults.ts';
import {
  cancelledTransaction,
  loginPage,
  refuse,
  resetMidBody,
  tooManyRequests,
} from '../simulators/servicenow/faults.ts';
import { ServiceNow } from '../simulators/servicenow/index.ts';
import type { Row } from '../simulators/servicenow/rows.ts';
import { call, CliBench, password } from './cli-bench.ts';

const bench = new CliBench();

describe('what the external system may answer', () => {
  const pageOf = (answer: Answer) => () =>
    bench.instance.faults.add({
      when: ({ table, params }) => table.startsWith('cmdb_ci') && params.get('sysparm_limit') !== '1',
      answer,
    });

  test.each<[string, () => string | void, string, string, RegExp]>([
    [
      'a missing Secret',
      () => bench.manifests({}, {}, null),
      'credentials',
      'policy_violation',
      /there is no Secret inventory\/login; create it/u,
    ],
    [
      'a missing key',
      () => bench.manifests({}, {}, { username: 'reader' }),
      'credentials',
      'policy_violation',
      /Secret inventory\/login has no key password/u,
    ],
    [
      'a wrong password',
      () => bench.manifests({}, {}, { username: 'reader', password: 'wrong-canary-11' }),
      'credentials',
      'policy_violation',
      /401/u,
    ],
    [
      'a host that does not exist',
      () => bench.manifests({ url: 'https://nowhere.invalid' }),
      'unavailable',
      'transient',
      /(?:no host|the host) nowhere\.invalid.*check .*spec\.connector\.serviceNowCmdb\.url/u,
    ],
    [
      'a host that is down',
      () => bench.manifests({ url: 'http://127.0.0.1:9' }),
      'unavailable',
      'transient',
      /127\.0\.0\.1:9 refuses connections; check spec\.connector\.serviceNowCmdb\.url/u,
    ],
    [
      'an unknown class',
      () => bench.manifests({ classes: ['cmdb_ci_spaceship'] }),
      'configuration',
      'permanent',
      /classes.*cmdb_ci_spaceship/u,
    ],
    [
      'plain http to another host',
      () => bench.manifests({ url: 'http://198.51.100.1' }),
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
    await bench.sync(bench.manifests());
    const before = bench.rows('SELECT external_id, content_hash, deleted_at FROM assets ORDER BY 1');
    const yaml = prepare() ?? bench.manifests();
    const { code: exit, run, out, err } = await bench.sync(yaml, '--mode', 'Full');
    expect(exit).toBe(1);
    expect(run.status?.phase).toBe('Failed');
    expect(run.status?.failure).toMatchObject({
      code,
      class: kind,
      message: expect.stringMatching(message) as string,
    });
    expect(bench.rows('SELECT external_id, content_hash, deleted_at FROM assets ORDER BY 1')).toEqual(before);
    for (const secret of [
      password,
      'wrong-canary-11',
      Buffer.from(`reader:${password}`).toString('base64'),
    ]) {
      expect(out + err + JSON.stringify(bench.rows('SELECT * FROM runs'))).not.toContain(secret);
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
    await bench.sync(bench.manifests());
    const id = ServiceNow.id('0c', 3);
    const [before] = bench.rows(`SELECT name, content_hash FROM assets WHERE external_id = '${id}'`);
    bench.instance.update('cmdb_ci', id, patch, new Date(Date.now() - 300_000));
    const { code, run } = await bench.sync(bench.manifests(), '--mode', 'Full');
    expect(code).toBe(1);
    expect(run.status).toMatchObject({
      phase: 'PartiallySucceeded',
      failure: { class: 'permanent', code: 'contract', message: expect.stringMatching(message) as string },
      totals: { fetched: 60, unchanged: 59, deleted: 0, failed: 1 },
      streams: [{ complete: true, failed: 1 }],
    });
    expect(run.status?.failure?.message).toMatch(/extsys quarantine list/u);
    expect(bench.rows(`SELECT name, content_hash FROM assets WHERE external_id = '${id}'`)).toEqual([before]);
    expect(bench.rows('SELECT external_id FROM quarantine')).toEqual([{ external_id: id }]);
  });
});

describe('input that cannot be used', () => {
  test.each([
    ['no file', [], '', /-f FILE is missing/u],
    [
      'a second file, which would silently win,',
      ['-f', 'a.yaml', '-f', 'b.yaml'],
      '',
      /-f is given 2 times \(a\.yaml, b\.yaml\); put all documents into one file/u,
    ],
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
      /--mode Sideways: use Incremental, Full, Plan, Test/u,
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
    const yaml = [bench.manifests({}, {}, null), dump(secret)].join('---\n');
    for (const command of [syncCommand, testCommand]) {
      const refused = call(command, ['-f', '-'], yaml);
      await expect(refused).rejects.toThrow(message);
      await expect(refused).rejects.not.toThrow(/12345678|12_345_678|not base64!/u);
    }
    expect(bench.instance.requests).toEqual([]);
  });

  test('an address that no schema refuses but nobody can contact is refused, and opens no run', async () => {
    const yaml = bench.manifests({ url: 'https://cmdb.example.com:99999' });
    const message = /spec\.connector\.serviceNowCmdb: the address is none that can be contacted/u;
    await expect(call(syncCommand, ['-f', '-', '--store', bench.store], yaml)).rejects.toThrow(message);
    expect((await call(validateCommand, ['-f', '-'], yaml)).err).toMatch(message);
  });

  test('an invalid spec is refused before anything is sent, naming every field', async () => {
    const yaml = bench.manifests({ classes: [] }, { schedule: { cron: ['61 * * * *'] }, typo: 1 });
    const attempt = call(syncCommand, ['-f', '-', '--store', `sqlite:${bench.folder}/x.db`], yaml);
    await expect(attempt).rejects.toThrow(
      /spec\.connector\.serviceNowCmdb\.classes[^]*spec\.schedule\.cron\[0\]|spec\.schedule\.cron\[0\][^]*classes/u,
    );
    await expect(call(syncCommand, ['-f', '-'], yaml)).rejects.toThrow(/unknown field typo/u);
    expect(bench.instance.requests).toEqual([]);
  });
});
