// SPDX-License-Identifier: Apache-2.0

export interface BudgetLimits {
  readonly requestsPerSecond: number;
  readonly inFlight: number;
}

export interface BudgetClock {
  monotonicMs(): number;
  /** Rejects with the signal's reason when it fires. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

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

  /** Holds back every request of the account. */
  pause(forMs: number): void {
    this.pausedUntilMs = Math.max(this.pausedUntilMs, this.clock.monotonicMs() + forMs);
  }

  /** How long the account still has to wait because the vendor said so. */
  get pausedForMs(): number {
    return Math.max(0, this.pausedUntilMs - this.clock.monotonicMs());
  }

  /** Carries out one request when its turn has come. `onWaited` is told the time spent waiting for the vendor. */
  async use<T>(work: () => Promise<T>, signal: AbortSignal, onWaited: (ms: number) => void): Promise<T> {
    await this.enter(signal);
    try {
      await this.waitForTurn(signal, onWaited);
      return await work();
    } finally {
      this.leave();
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

  private async waitForTurn(signal: AbortSignal, onWaited: (ms: number) => void): Promise<void> {
    for (let pauseMs = this.pausedForMs; pauseMs > 0; pauseMs = this.pausedForMs) {
      await this.clock.sleep(pauseMs, signal);
      onWaited(pauseMs);
    }
    const nowMs = this.clock.monotonicMs();
    const startMs = Math.max(nowMs, this.nextStartMs);
    this.nextStartMs = startMs + 1000 / this.limits.requestsPerSecond;
    if (startMs > nowMs) await this.clock.sleep(startMs - nowMs, signal);
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
