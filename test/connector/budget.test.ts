// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { AccountBudget, Budgets } from '../../src/connector/budget.ts';
import { waitFor } from '../kit/wait.ts';
import { fastClock } from './clocks.ts';

const { signal } = new AbortController();
const waiterOf = (signal: AbortSignal) => ({
  what: 'table x',
  signal,
  remainingMs: () => 60_000,
  onHeld: () => () => undefined,
});
const waiter = waiterOf(signal);

describe('the budget of an account', () => {
  it('spaces the starts of requests by the rate', async () => {
    const clock = fastClock();
    const budget = new AccountBudget({ requestsPerSecond: 4, inFlight: 1 }, clock);
    const starts: number[] = [];
    for (let count = 0; count < 5; count += 1) {
      await budget.use(async () => starts.push(clock.monotonicMs()), waiter);
    }
    expect(starts).toEqual([0, 250, 500, 750, 1000]);
  });

  it('lets only so many be in flight, in the order of asking', async () => {
    const budget = new AccountBudget({ requestsPerSecond: 1000, inFlight: 2 }, fastClock());
    const order: number[] = [];
    let inFlight = 0;
    let most = 0;
    const gates = Array.from({ length: 6 }, () => Promise.withResolvers<void>());
    const uses = gates.map((gate, index) =>
      budget.use(async () => {
        inFlight += 1;
        most = Math.max(most, inFlight);
        order.push(index);
        await gate.promise;
        inFlight -= 1;
      }, waiter),
    );
    await waitFor('two requests in flight', () => inFlight === 2);
    for (const gate of gates) gate.resolve();
    await Promise.all(uses);
    expect(most).toBe(2);
    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('gives the place of one who stopped waiting to the next', async () => {
    const budget = new AccountBudget({ requestsPerSecond: 1000, inFlight: 1 }, fastClock());
    const gate = Promise.withResolvers<void>();
    const first = budget.use(() => gate.promise, waiter);
    const leaving = new AbortController();
    const second = budget.use(async () => 'second', waiterOf(leaving.signal));
    const third = budget.use(async () => 'third', waiter);
    leaving.abort(new Error('left'));
    await expect(second).rejects.toThrow('left');
    gate.resolve();
    await first;
    await expect(third).resolves.toBe('third');
  });

  it('is one per account, with the newest limits', () => {
    const budgets = new Budgets(fastClock());
    const one = budgets.of('https://a inventory/login', { requestsPerSecond: 1, inFlight: 1 });
    expect(budgets.of('https://a inventory/login', { requestsPerSecond: 2, inFlight: 1 })).toBe(one);
    expect(budgets.of('https://b inventory/login', { requestsPerSecond: 1, inFlight: 1 })).not.toBe(one);
  });
});
