// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Failure } from '../../src/connector/failure.ts';
import { waitFor } from '../kit/wait.ts';
import { fastClock, handClock } from './clocks.ts';
import { accountOn, answer, good, onceThenGood, opened, vendor } from './vendor.ts';

let server: Awaited<ReturnType<typeof vendor>>;

beforeEach(async () => {
  server = await vendor();
});
afterEach(() => server[Symbol.asyncDispose]());

/** An account and its runs on a clock. */
function account<Clock extends ReturnType<typeof fastClock> | ReturnType<typeof handClock>>(
  clock: Clock,
  { inFlight = 2, requestsPerSecond = 1000 } = {},
) {
  const budget = accountOn(clock, inFlight, requestsPerSecond);
  return {
    clock,
    budget,
    run: (given: { readonly remainingMs?: number; readonly maxRetries?: number } = {}) =>
      opened(server.url, {
        clock,
        budget,
        remainingMs: () => given.remainingMs ?? 2 * 3_600_000,
        maxRetries: given.maxRetries ?? 2,
      }),
  };
}

const tooMany = (retryAfter?: string) =>
  answer(429, '{}', retryAfter === undefined ? {} : { 'retry-after': retryAfter });
const long = (slept: readonly number[]) => slept.filter((ms) => ms > 10);

describe('a vendor that says wait', () => {
  it('is obeyed by every request of the account, and the wait is counted', async () => {
    server.answers(onceThenGood(tooMany('7')));
    const { clock, run } = account(fastClock());
    await using one = run();
    await using other = run();
    await one.get();
    await other.get();
    expect(clock.slept[0]).toBe(7000);
    expect(one.usage.throttledMs).toBe(7000);
    expect(other.usage.throttledMs).toBe(0);
  });

  it('for longer than the run may last is obeyed by the next run', async () => {
    server.answers(onceThenGood(tooMany('3600')));
    const { clock, budget, run } = account(fastClock());
    await using short = run({ remainingMs: 60_000 });
    await expect(short.get()).rejects.toMatchObject({
      code: 'throttled',
      message: expect.stringContaining('the next try is in 3600 s, later than this run may last'),
    });
    expect(server.asked).toHaveLength(1);
    expect(budget.pausedForMs).toBe(3_600_000);
    await using next = run();
    await next.get();
    expect(clock.slept).toEqual([3_600_000]);
  });

  it.each([
    ['the last try', 1, '120', 120_000],
    ['the only try', 0, '120', 120_000],
    ['the only try, without saying how long', 0, undefined, 500],
  ])('in its answer to %s is obeyed', async (_what, maxRetries, header, pausedMs) => {
    server.answers(tooMany(header));
    const { budget, run } = account(fastClock());
    await using up = run({ maxRetries });
    await expect(up.get()).rejects.toMatchObject({ code: 'throttled' });
    expect(server.asked).toHaveLength(maxRetries + 1);
    expect(budget.pausedForMs).toBe(pausedMs);
  });

  it('with 503, or by a sign of its own, is obeyed as well', async () => {
    for (const status of [503, 403]) {
      server.answers(answer(status, '{}', { 'retry-after': '30' }));
      const { budget, run } = account(fastClock());
      await using up = run({ maxRetries: 0 });
      const classify = () => (status === 403 ? new Failure('throttled', 'quota is used up') : undefined);
      await expect(up.get({}, { classify })).rejects.toBeInstanceOf(Failure);
      expect(budget.pausedForMs).toBe(30_000);
    }
  });

  it('too little or nothing of use is waited for with our own growing waits', async () => {
    for (const header of [
      '0',
      'Sun, 01 Mar 2026 00:00:00 GMT',
      'Sat, 28 Feb 2026 00:00:00 GMT',
      '-1',
      undefined,
    ]) {
      server.answers(tooMany(header));
      await using up = account(fastClock()).run();
      await expect(up.get()).rejects.toMatchObject({ code: 'throttled' });
      expect(long(up.clock.slept)).toEqual([500, 1000]);
      expect(up.usage.throttledMs).toBe(1500);
    }
    server.answers(answer(503, '{}', { 'retry-after': '0' }));
    await using up = account(fastClock()).run();
    await expect(up.get()).rejects.toMatchObject({ code: 'unavailable' });
    expect(long(up.clock.slept)).toEqual([500, 1000]);
  });

  it('for ever is asked again after a day', async () => {
    server.answers(tooMany('1767225600'));
    const { budget, run } = account(fastClock());
    await using up = run();
    await expect(up.get()).rejects.toMatchObject({ code: 'throttled' });
    expect(budget.pausedForMs).toBe(24 * 3_600_000);
  });
});

describe('a paused account', () => {
  it('fails a run that would end before the pause, at once and without a request', async () => {
    const { clock, budget, run } = account(fastClock());
    budget.pause(1_200_000);
    await using up = run({ remainingMs: 60_000 });
    await expect(up.get()).rejects.toMatchObject({
      code: 'throttled',
      message: expect.stringMatching(/table x.* may ask again in 1200 s, later than this run may last$/u),
    });
    expect(server.asked).toEqual([]);
    expect(clock.slept).toEqual([]);
    expect(up.usage).toEqual({ requests: 0, bytes: 0, throttledMs: 0 });
  });

  it('fails a run that was in the queue when the pause came, and lets the others wait without a place', async () => {
    server.answers(onceThenGood(tooMany('1200')));
    const { clock, budget, run } = account(handClock(), { inFlight: 1 });
    await using first = run({ maxRetries: 0 });
    await using patient = run();
    await using short = run({ remainingMs: 60_000 });
    const asked = [first.get(), patient.get(), short.get()].map((get) =>
      get.catch((error: unknown) => error),
    );
    await expect(asked[0]).resolves.toMatchObject({ code: 'throttled' });
    await expect(asked[2]).resolves.toMatchObject({
      code: 'throttled',
      message: expect.stringContaining('in 1200 s'),
    });
    expect(server.asked).toHaveLength(1);
    clock.advance(budget.pausedForMs);
    await expect(asked[1]).resolves.toMatchObject({ status: 200 });
    expect(patient.usage.throttledMs).toBe(1_200_000);
  });

  it('sends nothing that only waited for its turn when the pause came', async () => {
    server.answers(onceThenGood(tooMany('3')));
    const { clock, budget, run } = account(handClock(), { requestsPerSecond: 2 });
    await using first = run({ maxRetries: 0 });
    await using second = run();
    const refused = first.get({ path: '/first' });
    const waiting = second.get({ path: '/second' });
    await expect(refused).rejects.toMatchObject({ code: 'throttled' });
    expect(budget.pausedForMs).toBe(3000);
    clock.advance(500);
    await waitFor('the second to wait out the pause', () => clock.sleeping() === 1);
    expect(server.asked).toHaveLength(1);
    clock.advance(2500);
    await waitFor('the second to wait for a new turn, or to be sent', () => {
      if (clock.sleeping() > 0) clock.advance(500);
      return server.asked.length === 2;
    });
    await expect(waiting).resolves.toMatchObject({ status: 200 });
    expect(second.usage.throttledMs).toBe(2500);
  });

  it('sends nothing in the moment between the answer and the next in line', async () => {
    const clock = fastClock();
    const sentAtMs: number[] = [];
    server.answers((request, response, count) => {
      sentAtMs.push(clock.monotonicMs());
      onceThenGood(tooMany('7'))(request, response, count);
    });
    await using up = account(clock, { inFlight: 1 }).run();
    await Promise.all([up.get(), up.get(), up.get()]);
    expect(sentAtMs).toHaveLength(4);
    expect(Math.min(...sentAtMs.slice(1))).toBeGreaterThanOrEqual(7000);
  });

  it('is counted once for requests of a run that wait side by side, and as long as it was waited for', async () => {
    const { clock, budget, run } = account(handClock());
    budget.pause(10_000);
    await using up = run();
    const asked = [up.get(), up.get()];
    await waitFor('both to wait', () => clock.sleeping() === 2);
    clock.advance(4000);
    expect(up.usage.throttledMs).toBe(0);
    up.abort.abort(new Error('stopped by a person'));
    for (const result of await Promise.allSettled(asked)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'cancelled' } });
    }
    expect(up.usage.throttledMs).toBe(4000);
    expect(server.asked).toEqual([]);
    await using next = run();
    const later = next.get();
    await waitFor('the next run to wait', () => clock.sleeping() === 1);
    clock.advance(6000);
    await expect(later).resolves.toMatchObject({ body: JSON.parse(good) });
    expect(next.usage.throttledMs).toBe(6000);
  });
});
