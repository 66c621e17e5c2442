// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';

interface Sealed<State> {
  readonly instance: string;
  readonly epoch: number;
  readonly issuedMs: number;
  readonly state: State;
}

export type Opened<State> = { readonly state: State } | 'unknown' | 'expired';

/** Opaque texts that carry where a listing or a round stands. Another instance's are unknown here. */
export class PageTokens {
  private readonly instance = randomUUID();
  private readonly now: () => Date;
  private readonly lifeMs: number;
  private epoch = 0;

  constructor(now: () => Date, lifeMs: number) {
    this.now = now;
    this.lifeMs = lifeMs;
  }

  /** All tokens given so far are too old from now on. */
  expire(): void {
    this.epoch += 1;
  }

  seal(state: unknown): string {
    const { instance, epoch } = this;
    const sealed: Sealed<unknown> = { instance, epoch, issuedMs: this.now().getTime(), state };
    // Turned around, so that nobody is tempted to read it.
    return Buffer.from(Buffer.from(JSON.stringify(sealed)).toReversed()).toString('base64url');
  }

  open<State>(token: string): Opened<State> {
    try {
      const text = Buffer.from(Buffer.from(token, 'base64url').toReversed()).toString();
      const { instance, epoch, issuedMs, state } = Object(JSON.parse(text)) as Sealed<State>;
      if (instance !== this.instance) return 'unknown';
      return epoch < this.epoch || issuedMs + this.lifeMs < this.now().getTime() ? 'expired' : { state };
    } catch (error) {
      if (error instanceof SyntaxError) return 'unknown';
      throw error;
    }
  }
}
