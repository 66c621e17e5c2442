// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../failure.ts';

/**
 * The logins of one run, by name. One after the other, and none after a refusal: a directory locks an account after a few wrong
 * passwords, and ours is wrong once only.
 */
export class Logins {
  private readonly refused = new Map<string, Failure>();
  private readonly last = new Map<string, Promise<unknown>>();

  /** Throws the refusal of a name that was refused in this run. */
  check(name: string): void {
    const known = this.refused.get(name);
    if (known !== undefined) throw known;
  }

  /** Carries a login out when its turn has come. `login` throws a Failure of code credentials for a refusal. */
  async try(name: string, login: () => Promise<void>): Promise<void> {
    const turn = this.inTurn(name, this.last.get(name), login);
    this.last.set(name, turn);
    await turn;
  }

  private async inTurn(
    name: string,
    before: Promise<unknown> | undefined,
    login: () => Promise<void>,
  ): Promise<void> {
    // How the one before ended is told to who asked for it; here only a refusal counts.
    await before?.catch(() => undefined);
    this.check(name);
    try {
      await login();
    } catch (error) {
      if (error instanceof Failure && error.code === 'credentials') this.refused.set(name, error);
      throw error;
    }
  }
}
