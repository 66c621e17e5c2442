// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WorkQueue, type WorkResult } from '../../src/operator/work-queue.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A queue whose work waits until the test lets it end. */
function queueOf(concurrency = 1) {
  const started: string[] = [];
  const errors: string[] = [];
  const open = new Map<string, PromiseWithResolvers<WorkResult>>();
  const queue = new WorkQueue({
    name: 'test',
    concurrency,
    work(key) {
      started.push(key);
      const gate = Promise.withResolvers<WorkResult>();
      open.set(key, gate);
      return gate.promise;
    },
    onError: (key) => errors.push(key),
    monotonicMs: () => Date.now(),
    random: () => 1,
  });
  const settle = async (key: string, end: (gate: PromiseWithResolvers<WorkResult>) => void) => {
    const gate = open.get(key);
    if (gate === undefined) throw new Error(`${key} is not worked on`);
    open.delete(key);
    end(gate);
    await vi.advanceTimersByTimeAsync(0);
  };
  return {
    queue,
    started,
    errors,
    done: (key: string, result?: WorkResult) => settle(key, (gate) => gate.resolve(result)),
    fail: (key: string) => settle(key, (gate) => gate.reject(new Error('no'))),
  };
}

describe('a key', () => {
  test('stands in the queue once, and never is worked on twice at a time', async () => {
    const { queue, started, done } = queueOf(4);
    queue.add('a');
    queue.add('a');
    queue.add('a');
    expect(started).toEqual(['a']);
    await done('a');
    expect(started).toEqual(['a', 'a']);
    await done('a');
    expect(started).toEqual(['a', 'a']);
  });

  test('comes again later, at the soonest time that was asked for', async () => {
    const { queue, started, done } = queueOf();
    queue.add('a');
    await done('a', { afterMs: 60_000 });
    queue.addAfter('a', 5_000);
    queue.addAfter('a', 90_000);
    await vi.advanceTimersByTimeAsync(4_999);
    expect(started).toEqual(['a']);
    await vi.advanceTimersByTimeAsync(1);
    expect(started).toEqual(['a', 'a']);
    await done('a');
    await vi.advanceTimersByTimeAsync(100_000);
    expect(started).toEqual(['a', 'a']);
  });

  test('whose work fails comes again with growing waits, and from the start after a success', async () => {
    const { queue, started, errors, fail, done } = queueOf();
    queue.add('a');
    const waits: number[] = [];
    for (let failure = 1; failure <= 4; failure += 1) {
      await fail('a');
      const from = Date.now();
      const before = started.length;
      while (started.length === before) await vi.advanceTimersByTimeAsync(10);
      waits.push(Date.now() - from);
    }
    expect(waits.toSorted((one, other) => one - other)).toEqual(waits);
    expect(waits.at(-1)).toBeGreaterThan((waits[0] ?? 0) * 4);
    expect(errors).toHaveLength(4);
    await done('a');
    queue.add('a');
    await fail('a');
    await vi.advanceTimersByTimeAsync(waits[0] ?? 0);
    expect(started).toHaveLength(7);
  });
});

test('a key that was added while its work failed waits for its backoff all the same', async () => {
  const { queue, started, fail } = queueOf();
  queue.add('a');
  queue.add('a');
  await fail('a');
  expect(started).toEqual(['a']);
  await vi.advanceTimersByTimeAsync(200);
  expect(started).toEqual(['a']);
  await vi.advanceTimersByTimeAsync(100);
  expect(started).toEqual(['a', 'a']);
  // Again it was an echo of the work; what is added afterwards, by a person perhaps, does not wait.
  queue.add('a');
  await fail('a');
  queue.add('a');
  expect(started).toEqual(['a', 'a', 'a']);
});

describe('the queue', () => {
  test('works on as many keys at a time as allowed, in order, and tells how long the oldest waits', async () => {
    const { queue, started, done } = queueOf(2);
    for (const key of ['a', 'b', 'c', 'd']) queue.add(key);
    expect(started).toEqual(['a', 'b']);
    expect(queue.depth).toBe(2);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(queue.oldestMs).toBe(3_000);
    await done('b');
    await done('a');
    expect(started).toEqual(['a', 'b', 'c', 'd']);
    expect([queue.depth, queue.oldestMs]).toEqual([0, 0]);
  });

  test('stops when the work in hand is done, and starts nothing more', async () => {
    const { queue, started, done } = queueOf();
    queue.add('a');
    queue.add('b');
    let stopped = false;
    const stop = queue.stop().then(() => (stopped = true));
    queue.add('c');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(stopped).toBe(false);
    await done('a', { afterMs: 1 });
    await stop;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(started).toEqual(['a']);
  });
});
