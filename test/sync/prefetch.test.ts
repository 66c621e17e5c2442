// SPDX-License-Identifier: Apache-2.0
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { prefetch } from '../../src/sync/prefetch.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('holds on to a page or two, however many went by', async () => {
  const signal = new AbortController().signal;
  const pages: WeakRef<object>[] = [];
  async function* source() {
    for (let index = 0; index < 100; index += 1) {
      const page = { index };
      pages.push(new WeakRef(page));
      yield page;
    }
  }
  let alive = 0;
  let seen = 0;
  for await (const page of prefetch(source(), signal)) {
    seen += 1;
    if (page.index !== 90) continue;
    // References from a WeakRef are kept until the end of the turn.
    await new Promise(setImmediate);
    collectGarbage();
    alive = pages.filter((ref) => ref.deref() !== undefined).length;
  }
  expect(seen).toBe(100);
  expect(alive).toBeLessThanOrEqual(4);
});

test('asks for one page ahead and no more', async () => {
  const asked: number[] = [];
  async function* source() {
    for (let index = 0; index < 5; index += 1) {
      asked.push(index);
      yield index;
    }
  }
  for await (const page of prefetch(source(), new AbortController().signal)) {
    await new Promise(setImmediate);
    expect(asked.at(-1)).toBe(Math.min(4, page + 1));
  }
});

test('closes its source when the consumer leaves', async () => {
  let closed = false;
  async function* source() {
    try {
      for (;;) yield 1;
    } finally {
      closed = true;
    }
  }
  for await (const _ of prefetch(source(), new AbortController().signal)) break;
  expect(closed).toBe(true);
});

test('throws the reason of the signal at once, also when the source waits for ever', async () => {
  const stop = new AbortController();
  async function* source() {
    yield 1;
    await new Promise(() => undefined);
  }
  const pages = prefetch(source(), stop.signal);
  await pages.next();
  const next = pages.next();
  stop.abort(new Error('enough'));
  await expect(next).rejects.toThrow('enough');
});
