// SPDX-License-Identifier: Apache-2.0
import { Failure } from './failure.ts';

export interface BudgetLimits {
  readonly requestsPerSecond: number;
  readonly inFlight: number;
}

export interface BudgetClock {
  monotonicMs(): number;
  /** Rejects with the signal's reason when it fires. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** The run on whose behalf a request waits. */
export interface Waiter {
  /** What is asked for, for messages. */
  readonly what: string;
  readonly signal: AbortSignal;
  /** What is left of the run. */
  readonly remainingMs: () => number;
  /** Called when a wait for the vendor begins; what it returns, when that wait is over. */
  readonly onHeld: () => () => void;
}

/** A wait that the run cannot last: there is no sense in beginning it. */
export class OutOfTime extends Failure {}

/** After a day the vendor is asked again whatever it said, so that one broken header does not stop an account for good. */
const longestPauseMs = 24 * 3_600_000;

/**
 * What all runs of one account may ask of a vendor: so many requests at a time and so many a second, in the order of asking.
 * When the vendor says wait, everybody waits.
 */
export class AccountBudget {
  private limits: BudgetLimits;
  private readonly clock: BudgetClock;
  private inFlight = 0;
  private pausedUntilMs = 0;
  private nextStartMs = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(limits: BudgetLimits, clock: BudgetClock) {
    this.limits = limits;
    this.clock = clock;
  }

  setLimits(limits: BudgetLimits): void {
    this.limits = limits;
  }

  /** Holds back every request of the account that is not sent yet. */
  pause(forMs: number): void {
    const untilMs = this.clock.monotonicMs() + Math.min(forMs, longestPauseMs);
    this.pausedUntilMs = Math.max(this.pausedUntilMs, untilMs);
  }

  /** How long the account still has to wait because the vendor said so. */
  get pausedForMs(): number {
    return Math.max(0, this.pausedUntilMs - this.clock.monotonicMs());
  }

  /** Carries out one request when its turn has come. Throws OutOfTime when the account is paused beyond the end of the run. */
  async use<T>(work: () => Promise<T>, waiter: Waiter): Promise<T> {
    await this.takePlace(waiter);
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  /** Comes back with a place in hand when neither a pause nor the rate is in the way any more. */
  private async takePlace(waiter: Waiter): Promise<void> {
    for (;;) {
      // Without a place, so that the others learn of the pause too instead of queueing behind it.
      await this.waitOutPause(waiter);
      await this.enter(waiter.signal);
      let mine = false;
      try {
        mine = await this.waitForRate(waiter.signal);
      } finally {
        if (!mine) this.leave();
      }
      if (mine) return;
    }
  }

  private async waitOutPause({ what, signal, remainingMs, onHeld }: Waiter): Promise<void> {
    for (let pauseMs = this.pausedForMs; pauseMs > 0; pauseMs = this.pausedForMs) {
      if (pauseMs > remainingMs()) {
        const message = `${what}: the vendor's limit is reached; the account may ask again in ${Math.ceil(pauseMs / 1000)} s, later than this run may last`;
        throw new OutOfTime('throttled', message, { retryAfterMs: pauseMs });
      }
      const released = onHeld();
      try {
        await this.clock.sleep(pauseMs, signal);
      } finally {
        released();
      }
    }
  }

  private async enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.inFlight < this.limits.inFlight) {
      this.inFlight += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const turn = () => {
        signal.removeEventListener('abort', abandon);
        resolve();
      };
      const abandon = () => {
        this.waiting.splice(this.waiting.indexOf(turn), 1);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', abandon, { once: true });
      this.waiting.push(turn);
    });
  }

  /** The place goes straight to the next in line, so nobody can slip in between. */
  private leave(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.inFlight -= 1;
    else next();
  }

  /** False when the vendor said wait before the turn came. */
  private async waitForRate(signal: AbortSignal): Promise<boolean> {
    if (this.pausedForMs > 0) return false;
    const nowMs = this.clock.monotonicMs();
    const startMs = Math.max(nowMs, this.nextStartMs);
    this.nextStartMs = startMs + 1000 / this.limits.requestsPerSecond;
    if (startMs > nowMs) await this.clock.sleep(startMs - nowMs, signal);
    return this.pausedForMs === 0;
  }
}

/** The budgets of this process, one per origin and account. */
export class Budgets {
  private readonly clock: BudgetClock;
  private readonly byAccount = new Map<string, AccountBudget>();

  constructor(clock: BudgetClock) {
    this.clock = clock;
  }

  /** The budget of an account, with the newest limits that were declared for it. */
  of(account: string, limits: BudgetLimits): AccountBudget {
    const known = this.byAccount.get(account);
    if (known !== undefined) {
      known.setLimits(limits);
      return known;
    }
    const made = new AccountBudget(limits, this.clock);
    this.byAccount.set(account, made);
    return made;
  }
}
