// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FailureCode } from '../../src/api/failure.ts';
import { auditEntry } from '../../src/cli/audit.ts';
import { renderRun } from '../../src/cli/output.ts';
import { runsEntry } from '../../src/cli/runs.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { SyncRunStatus } from '../../src/api/sync-run.ts';
import { end, page, row, type Event } from '../kit/fake-connector.ts';
import { SyncBench } from '../kit/sync-bench.ts';
import { call } from './cli-bench.ts';

let bench: SyncBench;
beforeEach(async () => {
  bench = await new SyncBench().open();
});
afterEach(() => bench.close());

function unread(count: number, code: FailureCode, of = 'table'): Event[] {
  return Array.from({ length: count }, (_, index) => ({
    type: 'unverified',
    scope: `${of}-${index}`,
    failure: new Failure(code, `${of}-${index}: refused`),
  }));
}

const table = (status: SyncRunStatus) =>
  renderRun(
    {
      ...{ apiVersion: 'integrations.buildworks.ai/v1alpha1', kind: 'SyncRun' },
      metadata: {
        name: 'run',
        namespace: 'inventory',
        uid: 'u',
        generation: 1,
        resourceVersion: '1',
        creationTimestamp: '',
      },
      spec: { systemRef: { name: 'fake' }, mode: status.mode ?? 'Full' },
      status,
    },
    'table',
  );

describe('a run with more unverified scopes than a record names', () => {
  const run = () =>
    bench.run([...unread(40, 'contract'), ...unread(4, 'permission', 'hidden')], {
      mode: 'Full',
      more: [...unread(3, 'contract', 'list'), end('whole')],
    });

  test('counts them all, and names of each stream first those that most need a person', async () => {
    const status = await run();
    expect(status).toMatchObject({ unverifiedScopesTotal: 47, unverifiedScopesLeftOut: 37 });
    expect(status.unverifiedScopes?.map(({ scope }) => scope)).toEqual([
      ...['hidden-0', 'list-0', 'hidden-1', 'list-1', 'hidden-2', 'list-2'],
      ...['hidden-3', 'table-0', 'table-1', 'table-2'],
    ]);
    const kept = bench.rows("SELECT count(*) AS scopes FROM pass_scopes WHERE verdict = 'unverified'");
    expect(kept, 'the table has each').toEqual([{ scopes: 47 }]);
  });

  test('tells the numbers in the table of a run, and where the rest is', async () => {
    const text = table(await run());
    expect(text).toMatch(/^STREAM +UNVERIFIED SCOPE +REASON$/mu);
    expect(text).toMatch(/^items +hidden-0 +permission: hidden-0: refused$/mu);
    expect(text).toMatch(/^… and 37 more, 47 in all; the table pass_scopes names each$/mu);
    expect(table({ ...(await run()), mode: 'Plan' }), 'of a plan nothing is kept').toMatch(/47 in all$/mu);
  });

  test('tells them in what extsys runs show prints, and its chain is sound', async () => {
    await run();
    const store = `sqlite:${bench.file}`;
    const { code, out } = await call(runsEntry.run, ['show', 'run-1', '--store', store]);
    expect(code).toBe(0);
    expect(out).toMatch(/^ {2}unverifiedScopesLeftOut: 37\n {2}unverifiedScopesTotal: 47$/mu);
    expect((await call(auditEntry.run, ['verify', '--store', store])).out).toContain(': sound');
  });
});

test('a run whose scopes were all verified says nothing of any', async () => {
  const status = await bench.run([end()], { mode: 'Full' });
  expect(Object.keys(status).filter((field) => field.startsWith('unverified'))).toEqual([]);
  expect(table(status)).not.toMatch(/UNVERIFIED|more/u);
});

test('names that are all there are not followed by a number', async () => {
  const status = await bench.run([...unread(2, 'contract'), end('whole')], { mode: 'Full' });
  expect(status.unverifiedScopesTotal).toBe(2);
  expect(status).not.toHaveProperty('unverifiedScopesLeftOut');
  expect(table(status)).toMatch(/table-1[^…]*$/u);
});

test('a stream that keeps what it did not see says why in its line', async () => {
  const seen = { mode: 'Full', more: [page([row('new')]), end()] } as const;
  await bench.run([page([row('a')]), end()], seen);
  const status = await bench.run([page([row('a')]), end()], { mode: 'Full', more: [page([]), end()] });
  expect(table(status)).toMatch(
    /^more +Asset +Full +yes .* 1 +1 not seen, and too new to be missed: a later full reading decides$/mu,
  );
});
