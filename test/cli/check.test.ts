// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { apiVersion } from '../../src/api/group.ts';
import type { SyncRun } from '../../src/api/resource.ts';
import { testCommand } from '../../src/cli/test.ts';
import { validateCommand } from '../../src/cli/validate.ts';
import { call, CliBench } from './cli-bench.ts';

const bench = new CliBench();

describe('extsys test', () => {
  test('says stream by stream what can be read, and exits 1 when something is missing', async () => {
    const good = await call(testCommand, ['-f', '-'], bench.manifests({ users: true }));
    expect(good.code).toBe(0);
    expect(good.err).toMatch(/^users: sys_user: readable, 6 rows counted$/mu);
    bench.instance.forbidden.add('sys_user');
    const bad = await call(testCommand, ['-f', '-', '-o', 'json'], bench.manifests({ users: true }));
    expect(bad.code).toBe(1);
    const { status } = JSON.parse(bad.out) as SyncRun;
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
