// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test } from 'vitest';
import { annotations } from '../../src/api/group.ts';
import type { SyncRun } from '../../src/api/resource.ts';
import { plantServers, type Planted } from '../connectors/servicenow-cmdb/plant.ts';
import { OperatorBench, password } from '../kit/operator-bench.ts';
import { waitFor } from '../kit/wait.ts';

/* What a run costs the API server, counted by the operator itself; Leases, Events and the pruning of older runs apart. */

const minuteMs = 60_000;
const slotMarginMs = 10_000;

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

/** Waits until the status has heard of a run, and nothing more is written. */
async function settled(fits: (run: SyncRun) => boolean): Promise<SyncRun> {
  const run = await waitFor(
    'the run and the status that names it',
    async () => {
      const { lastRun } = (await bench.system()).status ?? {};
      return (await bench.runs()).find((one) => fits(one) && one.metadata.name === lastRun?.name);
    },
    { timeoutMs: 2 * minuteMs, intervalMs: 200 },
  );
  let counted = -1;
  await waitFor(
    'the writes to come to rest',
    async () => {
      const before = counted;
      counted = await writes();
      return counted === before;
    },
    { intervalMs: 1_500 },
  );
  return run;
}

const writes = () => bench.kubeRequests(/^(create|update|patch)$/u, /^2/u);
const conflicts = () => bench.kubeRequests(/./u, /^409$/u);

test(
  'a scheduled run costs four writes: made, claimed, ended, and one of its system',
  { timeout: 240_000 },
  async () => {
    await bench.start();
    await bench.applySystem(upstream.url, { schedule: { every: '1m', jitter: '0s' } });
    const names = new Set<string>();
    const another = ({ metadata, spec }: SyncRun) => spec.trigger === 'Schedule' && !names.has(metadata.name);
    let run: SyncRun;
    do {
      run = await settled(another);
      names.add(run.metadata.name);
      // Else the next run would begin between the two countings, or has done so while the writes came to rest.
    } while (
      minuteMs - (Date.now() % minuteMs) < slotMarginMs ||
      (await bench.system()).status?.lastRun?.name !== run.metadata.name
    );
    const before = await writes();
    const next = await settled(another);
    expect(next.status?.phase).toBe('Succeeded');
    expect((await writes()) - before).toBe(4);
    expect(await conflicts(), 'and no write is tried on an old version').toBe(0);
    const { status } = await bench.system();
    expect(status?.lastScheduleTime).toBe(next.spec.scheduledTime);
    expect(Date.parse(status?.nextRunTime ?? '') - Date.parse(status?.lastScheduleTime ?? '')).toBe(minuteMs);
  },
);

test('a run that an annotation asks for costs one more, which acknowledges its token', async () => {
  await bench.start();
  await bench.applySystem(upstream.url);
  await settled(({ spec }) => spec.trigger === 'Schedule');
  const before = await writes();
  await bench.kubectl('annotate', 'externalsystem', 'cmdb', `${annotations.runRequested}=one`);
  await settled(({ metadata }) => metadata.name.startsWith('cmdb-r-'));
  expect((await writes()) - before).toBeLessThanOrEqual(5);
});
