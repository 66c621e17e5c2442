// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { serviceNowCmdb } from '../../connectors/servicenow-cmdb/index.ts';
import type { SyncRun } from '../../src/api/resource.ts';
import { testCommand } from '../../src/cli/test.ts';
import { validateCommand } from '../../src/cli/validate.ts';
import { call, CliBench } from './cli-bench.ts';

const bench = new CliBench();
const mapped = (cis: object) => bench.manifests({}, { mapping: { cis } });

/** The instance numbers its cost pools from 0 to 11, five servers each. */
const pool = "int(row.u_cost_pool.split('-')[1])";

test('an expression reads a custom field, and a changed one makes the next run Full and updates the rows', async () => {
  const runs: SyncRun['status'][] = [];
  const sync = async (cis: object) => {
    const { run } = await bench.sync(mapped(cis));
    expect(run.status?.phase).toBe('Succeeded');
    runs.push(run.status);
  };
  const environment = (least: number) => ({
    environment: { expression: `${pool} < ${least} ? 'production' : 'test'` },
  });
  const count = () =>
    bench.rows('SELECT environment, count(*) AS n FROM assets GROUP BY environment ORDER BY environment');
  await sync(environment(3));
  expect(count()).toEqual([
    { environment: 'production', n: 15 },
    { environment: 'test', n: 45 },
  ]);
  await sync(environment(3));
  await sync(environment(6));
  expect(count()).toEqual([
    { environment: 'production', n: 30 },
    { environment: 'test', n: 30 },
  ]);
  expect(runs.map((status) => status?.streams?.[0]?.mode)).toEqual(['Full', 'Incremental', 'Full']);
  // Only the rows that come out differently are written.
  expect(runs.map((status) => status?.totals)).toMatchObject([
    { created: 60 },
    { created: 0, updated: 0 },
    { created: 0, updated: 15, unchanged: 45, deleted: 0 },
  ]);
});

test('a row for which it fails is in quarantine under the field of the mapping, without the value', async () => {
  const { run } = await bench.sync(
    mapped({ memoryMb: { expression: `${pool} == 7 ? 8 / (${pool} - 7) : 8` } }),
  );
  expect(run.status).toMatchObject({ phase: 'PartiallySucceeded', totals: { failed: 5 } });
  expect(bench.rows('SELECT path, reason, count(*) AS n FROM quarantine GROUP BY path, reason')).toEqual([
    {
      path: 'spec.mapping.cis.memoryMb',
      reason: expect.stringContaining('the expression failed: divides by zero, at character') as string,
      n: 5,
    },
  ]);
});

test.each([
  ['environment', "row.u_cost_pool + 'x", 'at character 19: Unterminated string; correct the CEL expression'],
  ['environment', 'u_cost_pool', 'at character 1: there is no variable u_cost_pool; use row.u_cost_pool'],
  ['status', "has(row.u_end) ? 'gone' : 'active'", 'at character 18: "gone" is none of planned, ordered'],
  ['environment', '17', 'comes to int, and a column of type text takes string; write string(…)'],
  ['environment', "row['U X']", '"U X" is no field of ServiceNow; use a name such as u_floor'],
  ['environment', '', 'is empty; give a text'],
  ['environment', `'${'x'.repeat(1023)}'`, 'must not have more than 1024 characters'],
])('extsys validate refuses %s by %j', async (field, expression, said) => {
  const { code, err } = await call(validateCommand, ['-f', '-'], mapped({ [field]: { expression } }));
  expect(code).toBe(2);
  expect(err).toContain(`ExternalSystem cmdb: spec.mapping.cis.${field}.expression: `);
  expect(err).toContain(said);
});

test('extsys test refuses a field of an expression that the instance does not have', async () => {
  const yaml = mapped({ environment: { expression: "row.u_typo + 'x'" } });
  const { code, out } = await call(testCommand, ['-f', '-', '-o', 'json'], yaml);
  expect(code).toBe(1);
  const said = 'spec.mapping.cis.environment.expression: there is no field u_typo in cmdb_ci_server';
  expect((JSON.parse(out) as SyncRun).status?.failure).toMatchObject({
    code: 'configuration',
    message: expect.stringContaining(said) as string,
  });
});

test('the examples of the guide are valid', () => {
  const guide = readFileSync(new URL('../../docs/guides/mapping.md', import.meta.url), 'utf8');
  const [, table = ''] = /\n(\| to .*?)\n\n/su.exec(guide) ?? [];
  const examples = [...table.matchAll(/`([^`]+)`/gu)].map(([, text = '']) => text);
  expect(examples.length).toBeGreaterThan(10);
  for (const expression of examples) {
    expect(serviceNowCmdb.mappingProblems({ cis: { 'attributes.x': { expression } } })).toEqual([]);
  }
});
