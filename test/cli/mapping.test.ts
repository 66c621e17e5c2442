// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { SyncRun } from '../../src/api/resource.ts';
import { testCommand } from '../../src/cli/test.ts';
import { validateCommand } from '../../src/cli/validate.ts';
import { call, CliBench } from './cli-bench.ts';

const bench = new CliBench();
const mapped = (cis: object) => bench.manifests({}, { mapping: { cis } });

test('a changed mapping makes the next run Full, an unchanged one does not', async () => {
  const modes: (string | undefined)[] = [];
  const sync = async (yaml: string) => {
    const { run } = await bench.sync(yaml);
    expect(run.status?.phase).toBe('Succeeded');
    modes.push(run.status?.streams?.[0]?.mode);
  };
  await sync(bench.manifests());
  const pool = { department: { from: 'u_cost_pool' } };
  await sync(mapped(pool));
  await sync(mapped(pool));
  await sync(mapped({ ...pool, status: { from: 'install_status', values: { 7: 'missing' } } }));
  expect(modes).toEqual(['Full', 'Full', 'Incremental', 'Full']);
  expect(bench.rows("SELECT count(*) AS n FROM assets WHERE department LIKE 'pool-%'")).toEqual([{ n: 60 }]);
  expect(bench.rows('SELECT status, count(*) AS n FROM assets GROUP BY status ORDER BY status')).toEqual([
    { status: 'active', n: 58 },
    { status: 'missing', n: 2 },
  ]);
});

test('a row whose value does not fit is in quarantine under the field of the mapping', async () => {
  const { run } = await bench.sync(mapped({ memoryMb: { from: 'ram' } }));
  expect(run.status).toMatchObject({
    phase: 'PartiallySucceeded',
    failure: { code: 'contract', audience: 'owner of the ExternalSystem' },
  });
  expect(run.status?.failure?.message).toContain(
    'spec.mapping.cis.memoryMb: the value of ram is no whole number',
  );
  expect(bench.rows('SELECT path, count(*) AS n FROM quarantine GROUP BY path')).toEqual([
    { path: 'spec.mapping.cis.memoryMb', n: 1 },
  ]);
});

test.each([
  [
    { status: { from: 'install_status', values: { 117: 'gone' } } },
    'spec.mapping.cis.status.values.117: "gone" is none of planned, ordered',
  ],
  [{ costCentre: { from: 'u_cost_pool' } }, 'spec.mapping.cis.costCentre: Asset has no such field'],
  [{ cpuCount: { constant: 4 } }, 'spec.mapping.cis.cpuCount.constant: 4 must be text; put it in quotes'],
  [{ name: { from: ['u_x', 'U X'] } }, 'spec.mapping.cis.name.from[1]: "U X" is no field of ServiceNow'],
  [{}, 'spec.mapping.cis: is empty; give an entry, or leave it out'],
  [
    {
      name: {
        from: 'x',
        values: Object.fromEntries(Array.from({ length: 257 }, (_, index) => [index, 'y'])),
      },
    },
    'spec.mapping.cis.name.values: has more than 256 entries',
  ],
  [
    { name: { from: 'x', values: { 'line\nbreak': 5 } } },
    'spec.mapping.cis.name.values.line\nbreak: 5 must be text',
  ],
])('extsys validate refuses %j', async (cis, said) => {
  const { code, err } = await call(validateCommand, ['-f', '-'], mapped(cis));
  expect(code).toBe(2);
  expect(err).toContain(`ExternalSystem cmdb: ${said}`);
});

test('extsys test refuses a field that the instance does not have', async () => {
  const { code, out } = await call(
    testCommand,
    ['-f', '-', '-o', 'json'],
    mapped({ name: { from: 'u_typo' } }),
  );
  expect(code).toBe(1);
  expect((JSON.parse(out) as SyncRun).status?.failure).toMatchObject({
    code: 'configuration',
    message: expect.stringContaining(
      'spec.mapping.cis.name.from: there is no field u_typo in cmdb_ci_server',
    ),
  });
});

test('values that do not fit a mapping are for the owner of the ExternalSystem to mend, and delete nothing', async () => {
  await bench.sync(bench.manifests());
  const { code, run } = await bench.sync(mapped({ cpuCount: { from: 'name' } }), '--mode', 'Full');
  expect(code).toBe(1);
  expect(run.status).toMatchObject({
    phase: 'Failed',
    failure: {
      code: 'configuration',
      audience: 'owner of the ExternalSystem',
      message: expect.stringContaining('spec.mapping.cis.cpuCount: the value of name') as string,
    },
    totals: { deleted: 0, failed: 60 },
  });
});

test('a mapping may follow the references of the emulator', async () => {
  const followed = { location: { from: 'location.city' }, department: { from: 'assigned_to.email' } };
  const { run } = await bench.sync(mapped(followed));
  expect(run.status, JSON.stringify(run.status)).toMatchObject({ phase: 'Succeeded' });
  expect(bench.rows('SELECT location, department FROM assets ORDER BY external_id LIMIT 2')).toEqual([
    { location: 'Oslo', department: 'user.0@example.com' },
    { location: 'Lyon', department: 'user.1@example.com' },
  ]);
  const queried = await bench.sync(bench.manifests({ query: 'location.name=Oslo' }));
  expect(queried.run.status).toMatchObject({ phase: 'Succeeded', totals: { fetched: 12 } });
  const typo = await call(testCommand, ['-f', '-'], mapped({ location: { from: 'location.cty' } }));
  expect(typo.out + typo.err).toContain('cmn_location has no field cty');
});

test('extsys test says which fields it could not check, and which mapping does nothing', async () => {
  const mapping = { groups: { name: { from: 'u_title' } }, users: { title: { from: 'name' } } };
  const { code, err } = await call(testCommand, ['-f', '-'], bench.manifests({ groups: true }, { mapping }));
  expect(code, err).toBe(0);
  expect(err).toMatch(
    /^ok +groups: sys_user_group: readable, \d+ rows? counted; the dictionary does not list sys_user_group, so spec\.mapping\.groups\.name\.from could not be checked$/mu,
  );
  expect(err).toMatch(
    /^warning users: not read, since the configuration switches it off; spec\.mapping\.users does nothing$/mu,
  );
  expect(err.match(/could not be checked/gu)).toHaveLength(1);
});

test('the example of the guide is valid', async () => {
  const guide = readFileSync(new URL('../../docs/guides/mapping.md', import.meta.url), 'utf8');
  const [, example = ''] = /```yaml\n(.*?)```/su.exec(guide) ?? [];
  expect(await call(validateCommand, ['-f', '-'], example)).toEqual({
    code: 0,
    out: 'ExternalSystem cmdb: valid\n',
    err: '',
  });
});
