// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dump } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { apiVersion } from '../../src/api/group.ts';
import type { SyncRun } from '../../src/api/resource.ts';
import { testCommand } from '../../src/cli/test.ts';
import { validateCommand } from '../../src/cli/validate.ts';
import { certificate } from '../kit/certificate.ts';
import { startServiceNow, type ServiceNowOptions } from '../simulators/servicenow/index.ts';
import { call, CliBench, password } from './cli-bench.ts';

const bench = new CliBench();

describe('extsys test', () => {
  test('says stream by stream what can be read, and exits 1 when something is missing', async () => {
    const good = await call(testCommand, ['-f', '-'], bench.manifests({ users: true }));
    expect(good.code).toBe(0);
    expect(good.err).toMatch(/^ok      users: sys_user: readable, 6 rows counted$/mu);
    bench.instance.forbidden.add('sys_user');
    const bad = await call(testCommand, ['-f', '-', '-o', 'json'], bench.manifests({ users: true }));
    expect(bad.code).toBe(1);
    const { status } = JSON.parse(bad.out) as SyncRun;
    expect(bad.err).toMatch(/^failed  users: .*sys_user/mu);
    expect(status?.checks).toMatchObject([
      { name: 'connection', result: 'Passed' },
      { name: 'timeZone', result: 'Passed' },
      { name: 'clock', result: 'Passed' },
      { name: 'cis', result: 'Passed' },
      { name: 'users', result: 'Failed', message: expect.stringContaining('sys_user') },
    ]);
    expect(status?.streams).toMatchObject([
      { name: 'cis', complete: true },
      { name: 'users', complete: false },
    ]);
  });
});

test('extsys test -q prints the outcome alone', async () => {
  const { code, out, err } = await call(testCommand, ['-f', '-', '-q'], bench.manifests());
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toContain('Succeeded');
});

describe('extsys test, where nothing is refused', () => {
  const tested = async (options: Partial<ServiceNowOptions>) => {
    const basic = { username: 'reader', password };
    const instance = await startServiceNow({ seed: 1, counts: { servers: 3 }, basic, ...options });
    try {
      const { code, out, err } = await call(
        testCommand,
        ['-f', '-', '-o', 'json'],
        bench.manifests({ url: instance.url }),
      );
      return { code, err, status: (JSON.parse(out) as SyncRun).status };
    } finally {
      await instance.stop();
    }
  };

  test('warns of a clock and a time zone that differ, and succeeds all the same', async () => {
    const { code, err, status } = await tested({ clockSkewMs: 90_000, zoneMinutes: 120 });
    expect({ code, phase: status?.phase }).toEqual({ code: 0, phase: 'Succeeded' });
    expect(err).toMatch(/^warning clock: vendor clock \d+ s ahead of ours/mu);
    expect(err).toMatch(/^warning timeZone: the account's time zone is UTC\+02:00/mu);
    expect(status?.checks).toMatchObject([
      { name: 'connection', result: 'Passed' },
      { name: 'timeZone', result: 'Warning' },
      { name: 'clock', result: 'Warning' },
      { name: 'cis', result: 'Passed' },
    ]);
  });

  test('fails where times in queries are not UTC, and still says what can be read', async () => {
    const { code, status } = await tested({ zoneMinutes: 120, queriesInZone: true });
    expect(code).toBe(1);
    expect(status).toMatchObject({ phase: 'PartiallySucceeded', failure: { code: 'configuration' } });
    expect(status?.checks).toContainEqual(expect.objectContaining({ name: 'timeZone', result: 'Failed' }));
    expect(status?.checks).toContainEqual(expect.objectContaining({ name: 'cis', result: 'Passed' }));
  });

  test('says of a refused login that it failed, and stops', async () => {
    const { status, err } = await tested({ basic: { username: 'reader', password: 'another' } });
    expect(status?.checks).toMatchObject([{ name: 'connection', result: 'Failed' }]);
    expect(status).toMatchObject({ phase: 'Failed', failure: { code: 'credentials' } });
    expect(err).toMatch(/^failed  connection: /mu);
  });
});

describe('extsys validate', () => {
  test('says which fields an object has where something else was given', async () => {
    const spec = { deletion: { budget: '100%' } };
    const { code, err } = await call(validateCommand, ['-f', '-'], bench.manifests({}, spec));
    expect(code).toBe(2);
    expect(err).toMatch(
      /spec\.deletion\.budget: "100%" must be object with the fields maxPercent, maxRecords, alwaysAllow/u,
    );
  });

  test('takes several files', async () => {
    const write = (name: string, text: string) => {
      const path = join(bench.folder, name);
      writeFileSync(path, text);
      return path;
    };
    const good = write('good.yaml', bench.manifests({}, {}, null));
    const bad = write('bad.yaml', bench.manifests({ classes: [] }, {}, null));
    const { code, out, err } = await call(validateCommand, ['-f', good, '-f', bad]);
    expect({ code, out }).toEqual({ code: 2, out: 'ExternalSystem cmdb: valid\n' });
    expect(err).toMatch(/classes/u);
  });

  test('takes a SyncRun whose name the API server is to make, and says which other has none', async () => {
    const spec = { systemRef: { name: 'cmdb' }, mode: 'Full' };
    const run = { apiVersion, kind: 'SyncRun', metadata: { generateName: 'cmdb-now-' }, spec };
    const good = await call(validateCommand, ['-f', '-'], dump(run));
    expect(good).toMatchObject({ code: 0, out: 'SyncRun cmdb-now-xxxxx: valid\n' });
    const nameless = call(validateCommand, ['-f', '-'], dump({ ...run, metadata: {} }));
    await expect(nameless).rejects.toThrow('document 1 (SyncRun): metadata.name is missing');
  });

  test('says of a file of another tool that it is none of ours, and what to give instead', async () => {
    const file = fileURLToPath(new URL('../../config/samples/kustomization.yaml', import.meta.url));
    await expect(call(validateCommand, ['-f', file])).rejects.toThrow(
      'document 1 is a Kustomization of kustomize.config.k8s.io/v1beta1, which is none of ours; give files with ExternalSystem, SyncRun and Secret',
    );
  });

  const keys = { clientId: 'reader-app', clientSecret: 'only-in-memory' };
  test.each([
    ['Basic', { username: 'reader', password: '' }, 'data.password: is missing or empty'],
    ['OAuth2', { clientId: 'reader-app' }, 'data.clientSecret: is missing or empty'],
    [
      'OAuth2',
      { ...keys, password: 'only-in-memory' },
      'data.username: is missing or empty; the password grant',
    ],
    ['OAuth2', { ...keys, username: 'reader' }, 'data.password: is missing or empty; the password grant'],
  ])('says what the Secret in the same file lacks for %s', async (type, secret, message) => {
    const auth = { type, secretRef: { name: 'login' } };
    const bad = await call(validateCommand, ['-f', '-'], bench.manifests({}, { auth }, secret));
    expect(bad).toMatchObject({ code: 2, out: 'ExternalSystem cmdb: valid\n' });
    expect(bad.err).toContain(`Secret login: ${message}`);
    expect(bad.err).not.toContain('only-in-memory');
  });

  test('takes a Secret with what its type of login needs', async () => {
    const auth = { type: 'OAuth2', secretRef: { name: 'login' } };
    const good = await call(validateCommand, ['-f', '-'], bench.manifests({}, { auth }, keys));
    expect(good).toMatchObject({ code: 0, out: 'ExternalSystem cmdb: valid\nSecret login: valid\n' });
  });

  test.each([
    [
      '20200301120000Z',
      2,
      'Secret login: data.tls.crt: its first certificate expired on 2020-03-01; make a new',
    ],
    ['29990101000000Z', 0, ''],
  ])('of a login by certificate that ends %s it exits %i', async (until, code, said) => {
    const pair = certificate('operator', { keys: 'RSA', from: '20200101000000Z', until });
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'login' },
      stringData: { 'tls.crt': pair.cert, 'tls.key': pair.key.export({ type: 'pkcs8', format: 'pem' }) },
    };
    const system = {
      apiVersion,
      kind: 'ExternalSystem',
      metadata: { name: 'directory' },
      spec: {
        connector: { entraId: { tenantId: 'contoso.example' } },
        auth: { type: 'Certificate', secretRef: { name: 'login' } },
      },
    };
    const answer = await call(validateCommand, ['-f', '-'], `${dump(secret)}---\n${dump(system)}`);
    expect(answer.code, answer.err).toBe(code);
    expect(answer.err).toContain(said);
  });

  test('says valid, or which field is wrong, and exits 2', async () => {
    expect(await call(validateCommand, ['-f', '-'], bench.manifests())).toMatchObject({
      code: 0,
      out: 'ExternalSystem cmdb: valid\nSecret login: valid\n',
    });
    const bad = await call(validateCommand, ['-f', '-'], bench.manifests({}, { schedule: { every: '10s' } }));
    expect(bad.code).toBe(2);
    expect(bad.err).toContain(
      'ExternalSystem cmdb: spec.schedule.every: 10s is out of bounds; use 1m to 8760h',
    );
  });
});
