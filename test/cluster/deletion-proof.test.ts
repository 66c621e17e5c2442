// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test } from 'vitest';
import { page } from '../connectors/servicenow-cmdb/instance.ts';
import { plantServers, type Planted } from '../connectors/servicenow-cmdb/plant.ts';
import { run } from '../kit/manifests.ts';
import { OperatorBench, password } from '../kit/operator-bench.ts';
import { waitFor } from '../kit/wait.ts';

/* What an operator on call sees when a full run proves nothing. */

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

function waitForComplete(expected: string) {
  return waitFor(`Complete to be ${expected}`, async () => {
    const { status } = await bench.system();
    const found = status?.conditions?.find(({ type }) => type === 'Complete');
    if (`${found?.status} ${found?.reason}` !== expected) throw new Error(JSON.stringify(found));
    return found;
  });
}

const live = () => bench.rows('SELECT count(*) AS n FROM assets WHERE deleted_at IS NULL');

test(
  'an inventory that comes back empty deletes nothing, and the condition Complete says so until it is whole again',
  { timeout: 150_000 },
  async () => {
    await bench.start();
    await bench.applySystem(upstream.url, { deletion: { budget: { maxPercent: 100, maxRecords: 1000 } } });
    await bench.waitForRun(({ spec }) => spec.trigger === 'Schedule');
    await waitForComplete('True Verified');
    const { instance } = upstream;
    // Empty at first, and counted again when it is asked a second time.
    let asked = 0;
    instance.before = ({ table }) => {
      if (table !== 'cmdb_ci_server') return undefined;
      asked += 1;
      return asked === 2 ? page([], 0) : undefined;
    };
    await bench.apply(run('emptied', { mode: 'Full' }));
    const emptied = await bench.waitForRun(({ metadata }) => metadata.name === 'emptied');
    expect(emptied.status).toMatchObject({
      phase: 'Failed',
      totals: { deleted: 0 },
      failure: { code: 'permission' },
      streams: [{ complete: false, incompleteReason: expect.stringMatching(/hides 30 of 30/u) }],
      unverifiedScopes: [{ scope: 'cmdb_ci_server' }],
    });
    const condition = await waitForComplete('False PermissionDenied');
    expect(condition.message).toMatch(
      /nothing absent there is deleted: cis: permission: .*Who must act: administrator of the external system/u,
    );
    expect(live()).toEqual([{ n: 30 }]);

    instance.before = () => undefined;
    instance.tables.set('cmdb_ci_server', instance.rowsOf('cmdb_ci_server').slice(1));
    await bench.apply(run('whole', { mode: 'Full' }));
    const whole = await bench.waitForRun(({ metadata }) => metadata.name === 'whole');
    expect(whole.status).toMatchObject({
      phase: 'Succeeded',
      totals: { deleted: 1 },
      streams: [{ evidence: { rows: 29, counted: 29, scopesCounted: 1, scopesAgreed: 1, probed: 1 } }],
    });
    await waitForComplete('True Verified');
    expect(live()).toEqual([{ n: 29 }]);
  },
);
