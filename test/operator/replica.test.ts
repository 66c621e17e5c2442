// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import type { Caches, Parts } from '../../src/operator/parts.ts';
import { Replica } from '../../src/operator/replica.ts';
import { Redactor } from '../../src/telemetry/redactor.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { World } from './world.ts';

const secret = 'canary-password-6614';

/** A replica whose runs do what the test says, with the redactor and the log that all of it shares. */
async function replica(sync: () => Promise<never>) {
  const world = await World.create();
  world.apply({});
  const run = world.create('mine', { correlationId: 'ticket-42' });
  const redactor = new Redactor();
  const lines: string[] = [];
  const order: string[] = [];
  const caches: Caches = {
    getSystem: (key) => world.cluster.systems.get(key),
    getRun: (key) => world.cluster.cached(key),
    systems: () => [],
    runs: () => [],
    runsOf: (key) => world.cluster.active(key),
  };
  const options = {
    identity: 'me',
    store: world.store,
    leaseNamespace: 'ns',
    concurrentRuns: 1,
    logger: createLogger({
      level: 'info',
      destination: {
        write: (line) => (lines.push(line), order.push((JSON.parse(line) as { msg: string }).msg)),
      },
      redact: (text) => redactor.redact(text),
    }),
    sync: () => {
      redactor.learn('ns/cmdb', [secret]);
      return sync();
    },
    forgetSecrets: (key: string) => {
      redactor.forget(key);
      order.push(`forgot ${key}`);
    },
    now: () => world.now(),
    monotonicMs: () => performance.now(),
    random: () => 1,
  };
  const parts = {
    options,
    // Leases are always there to be had.
    client: { send: async () => ({ metadata: {}, spec: { holderIdentity: 'me' } }) },
    cluster: world.cluster,
    caches,
    counts: { started: () => undefined, queueWaited: () => undefined },
    onEnded: () => undefined,
  } as unknown as Parts;
  const made = new Replica(parts, () => undefined);
  made.start();
  await expect.poll(() => made.held).toBe(true);
  return { made, run, redactor, lines, order };
}

test('the line about work that failed carries the correlation id and no secret; then the secrets are forgotten', async () => {
  const { made, run, redactor, lines, order } = await replica(async () => {
    throw new Error(`the database refused the row ${secret}`);
  });
  made.runChanged(run);
  await expect.poll(() => order).toContain('forgot ns/cmdb');
  await made.stopRuns();
  await made.stop();
  const failed = lines.find((line) => line.includes('work failed')) ?? '';
  expect(JSON.parse(failed)).toMatchObject({ correlationId: 'ticket-42', system: 'ns/cmdb', run: 'mine' });
  expect(lines.join('')).not.toContain(secret);
  expect(order.indexOf('forgot ns/cmdb')).toBeGreaterThan(order.indexOf('work failed'));
  expect(redactor.redact(secret), 'it is not known any more').toBe(secret);
});
