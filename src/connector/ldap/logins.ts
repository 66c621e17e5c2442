// SPDX-License-Identifier: Apache-2.0
import { createHmac, randomBytes } from 'node:crypto';
import { Failure } from '../failure.ts';
import { OutOfTries } from '../retry.ts';
import { WrongPassword } from './bind-refusal.ts';

/**
 * How long a password that was refused is not sent again by this process: directories forget a wrong one after 30 minutes at most by default (Active Directory,
 * `lockoutObservationWindow`).
 */
export const leastAfterRefusalMs = 31 * 60_000;

/** Who logs in where. */
export interface Account {
  /** Of all servers that stand for one another, `host:port`. */
  readonly hosts: readonly string[];
  readonly name: string;
  readonly password: string;
}

/**
 * What this process knows of logins, whichever system they were for: a directory locks an account after a few wrong passwords, and does not ask whose they were.
 * Passwords are known by a digest with a key that is made at the start and leaves this object never.
 */
export class KnownLogins {
  private readonly monotonicMs: () => number;
  private readonly key = randomBytes(32);
  private readonly refusedAtMs = new Map<string, number>();
  private readonly taken = new Set<string>();
  private readonly turns = new Map<string, Promise<unknown>>();

  constructor(monotonicMs: () => number) {
    this.monotonicMs = monotonicMs;
  }

  /** Whether one of the servers has taken this password. */
  isProven(account: Account): boolean {
    return this.keysOf(account).some((key) => this.taken.has(key));
  }

  /** How long ago this very password was refused as wrong; undefined when that is long ago, or was never so. */
  refusedSinceMs(account: Account): number | undefined {
    const times = this.keysOf(account).flatMap((key) => this.refusedAtMs.get(key) ?? []);
    const sinceMs = this.monotonicMs() - Math.max(...times);
    return times.length > 0 && sinceMs < leastAfterRefusalMs ? sinceMs : undefined;
  }

  noteTaken(account: Account): void {
    for (const key of this.keysOf(account)) {
      this.taken.add(key);
      this.refusedAtMs.delete(key);
    }
  }

  noteRefused(account: Account): void {
    for (const [key, atMs] of this.refusedAtMs)
      if (this.monotonicMs() - atMs >= leastAfterRefusalMs) this.refusedAtMs.delete(key);
    for (const key of this.keysOf(account)) {
      this.taken.delete(key);
      this.refusedAtMs.set(key, this.monotonicMs());
    }
  }

  /** One login after the other, so that the second knows how the first ended. */
  async inTurn<T>(account: Account, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const keys = this.keysOf(account);
    const before = keys.flatMap((key) => this.turns.get(key) ?? []);
    const turn = this.afterAll(before, signal).then(work);
    for (const key of keys) this.turns.set(key, turn);
    try {
      return await turn;
    } finally {
      for (const key of keys) if (this.turns.get(key) === turn) this.turns.delete(key);
    }
  }

  private async afterAll(turns: readonly Promise<unknown>[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const stopped = Promise.withResolvers<never>();
    const stop = () => stopped.reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    try {
      // How those before ended is told to who asked for them.
      await Promise.race([Promise.allSettled(turns), stopped.promise]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  private keysOf({ hosts, name, password }: Account): readonly string[] {
    return hosts.map((host) =>
      createHmac('sha256', this.key)
        .update(JSON.stringify([host.toLowerCase(), name.toLowerCase(), password]))
        .digest('base64'),
    );
  }
}

/** No answer came to a login: nobody knows whether it counted as a wrong password. */
export class UnansweredLogin extends Failure {}

/** The logins of one run: none after a refusal, and none again at a server that has left one without an answer. */
export class Logins {
  private readonly known: KnownLogins;
  private readonly signal: AbortSignal;
  private readonly refused = new Map<string, Failure>();
  private readonly unanswered = new Map<string, Failure>();

  constructor(known: KnownLogins, signal: AbortSignal) {
    this.known = known;
    this.signal = signal;
  }

  /** Throws the Failure of an account that may not be tried at a server. */
  check(account: Account, host: string): void {
    const refusal = this.refused.get(account.name);
    if (refusal !== undefined) throw refusal;
    const sinceMs = this.known.refusedSinceMs(account);
    if (sinceMs !== undefined) throw alreadyRefused(account, host, sinceMs);
    const unanswered = this.unanswered.get(placeOf(account, host));
    if (unanswered !== undefined) throw unanswered;
  }

  /**
   * Carries a login out when its turn has come. `login` throws a Failure of code credentials for a refusal, a WrongPassword for one that counts, and an
   * UnansweredLogin.
   */
  async try(account: Account, host: string, login: () => Promise<void>): Promise<void> {
    // A password that was taken is no wrong one: such logins need not wait for one another.
    if (this.known.isProven(account)) return this.attempt(account, host, login);
    await this.known.inTurn(account, this.signal, () => this.attempt(account, host, login));
  }

  private async attempt(account: Account, host: string, login: () => Promise<void>): Promise<void> {
    this.check(account, host);
    try {
      await login();
      this.known.noteTaken(account);
    } catch (error) {
      if (error instanceof Failure && error.code === 'credentials') this.refused.set(account.name, error);
      if (error instanceof WrongPassword) this.known.noteRefused(account);
      if (!(error instanceof UnansweredLogin) || this.known.isProven(account)) throw error;
      const message = `${error.message}; no answer came to the login, which may have counted as a wrong password, so it is not sent to this server again in this run`;
      const final = new OutOfTries(error.code, message, { cause: error });
      this.unanswered.set(placeOf(account, host), final);
      throw final;
    }
  }
}

function placeOf({ name }: Account, host: string): string {
  return `${host} ${name}`;
}

function alreadyRefused({ name }: Account, host: string, sinceMs: number): Failure {
  const minutes = (ms: number) => `${Math.ceil(ms / 60_000)} min`;
  const message = `login at ${host}: the password of ${name} was refused less than ${minutes(sinceMs + 1)} ago, for this or another system, and is not sent again for ${minutes(leastAfterRefusalMs - sinceMs)}, since every try counts towards locking the account; correct the Secret`;
  return new Failure('credentials', message);
}
