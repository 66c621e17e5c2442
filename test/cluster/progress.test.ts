// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { refuse } from '../connectors/servicenow-cmdb/instance.ts';
import { plantServers, type Planted } from '../connectors/servicenow-cmdb/plant.ts';
import { OperatorBench, password } from '../kit/operator-bench.ts';
import { waitFor } from '../kit/wait.ts';
import { verifyAudit } from './verify-audit.ts';

let bench: OperatorBench;
let upstream: Planted;

beforeEach(async () => {
  bench = await OperatorBench.create();
  upstream = await plantServers(30, { username: 'reader', password });
});

afterEach(async () => {
  await bench.close();
  await upstream[Symbol.asyncDispose]();
});

/** Keeps the requests for the second page waiting until they are let go: then they are to be asked again, and are answered. */
function holdSecondPage(): { readonly letGo: () => void } {
  const { instance } = upstream;
  const held: ServerResponse[] = [];
  instance.before = ({ table, limit, query }) =>
    table === 'cmdb_ci_server' && limit === 10 && query.includes('sys_id>')
      ? (response) => void held.push(response)
      : undefined;
  return {
    letGo: () => {
      instance.before = () => undefined;
      for (const response of held) refuse(503, 'again, please', { 'retry-after': '0' })(response);
    },
  };
}

/** What kubectl prints of the runs: one object of columns for each. */
async function printed(): Promise<Record<string, string>[]> {
  const [head = '', ...lines] = (await bench.kubectl('get', 'syncruns', '-o', 'wide')).trimEnd().split('\n');
  const columns = [...head.matchAll(/\S+(?: \S+)*\s*/gu)].map(({ 0: text, index }) => ({
    name: text.trim(),
    cell: (line: string) => line.slice(index, index + text.length).trim(),
  }));
  return lines.map((line) => Object.fromEntries(columns.map(({ name, cell }) => [name, cell(line)])));
}

test('a run that takes long shows how far it is while it goes on; its record is like any other', async () => {
  const page = holdSecondPage();
  await bench.start();
  await bench.applySystem(upstream.url, { limits: { pageSize: 10, requestsPerSecond: 1000 } });
  const running = await waitFor('the progress of the run', async () =>
    (await bench.runs()).find(({ status }) => status?.progress !== undefined),
  );
  expect(running.status).toMatchObject({
    phase: 'Running',
    attempt: 1,
    totals: { fetched: 10, created: 10, deleted: 0 },
    progress: { streams: [{ name: 'cis', fetched: 10, created: 10, failed: 0, ended: false }] },
  });
  expect(running.status?.streams).toBeUndefined();
  const { startTime = '', progress } = running.status ?? {};
  expect(Date.parse(progress?.time ?? '') - Date.parse(startTime)).toBeGreaterThanOrEqual(9_000);
  expect(await printed()).toMatchObject([{ PHASE: 'Running', FETCHED: '10', CREATED: '10' }]);

  page.letGo();
  const { metadata, status } = await bench.waitForRun(({ spec }) => spec.trigger === 'Schedule');
  expect(status).toMatchObject({
    phase: 'Succeeded',
    attempt: 1,
    totals: { fetched: 30, created: 30 },
    streams: [{ name: 'cis', complete: true, fetched: 30 }],
  });
  expect(status).not.toHaveProperty('progress');
  expect(bench.rows('SELECT run_name, digest FROM runs')).toEqual([
    { run_name: metadata.name, digest: status?.digest },
  ]);
  expect(await bench.kubeRequests(/./u, /^409$/u), 'no write met another').toBe(0);
  expect((await verifyAudit(bench)).report).toMatchObject({ findings: [], notes: [] });
});
