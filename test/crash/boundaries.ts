// SPDX-License-Identifier: Apache-2.0

/** What becomes of the call with that number, counted from 1. */
export interface Fault {
  readonly at: number;
  /**
   * before, after: the process stands still before the call, or when it was carried out and before its answer is seen, until it is thawed,
   * if ever. lost: the call is carried out and its answer does not come. refused: it is not carried out.
   */
  readonly kind: 'before' | 'after' | 'lost' | 'refused';
}

/**
 * Stands between one process and the world. Whatever a process does to the world goes through a port, so the calls of its ports are
 * the places between any two of its awaits that differ: a process that is stopped between two of them cannot be told from one that is
 * stopped before the next.
 */
export class Boundaries {
  readonly calls: string[] = [];
  /** Resolves when the process stands still. */
  readonly frozen: Promise<string>;
  private fault: Fault | undefined;
  private gate: Promise<void> | undefined;
  private open: () => void = () => undefined;
  private tell: (call: string) => void = () => undefined;

  constructor(fault?: Fault) {
    this.fault = fault;
    this.frozen = new Promise((resolve) => {
      this.tell = resolve;
    });
  }

  /** The same port, each of whose methods of these names is a boundary. */
  around<Port extends object>(port: Port, names: readonly (keyof Port & string)[]): Port {
    const known = new Set<string | symbol>(names);
    return new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function' || !known.has(name)) return member;
        return (...args: unknown[]) =>
          this.pass(String(name), () => Promise.resolve(Reflect.apply(member, target, args)));
      },
    });
  }

  async pass<T>(name: string, call: () => Promise<T>): Promise<T> {
    this.calls.push(name);
    const fault = this.fault?.at === this.calls.length ? this.fault.kind : undefined;
    if (fault === 'before') this.freeze(name);
    await this.gate;
    if (fault === 'refused') throw new Error(`${name}: connection refused, as the test asks`);
    try {
      const answer = await call();
      if (fault === 'lost') throw new Error(`${name}: the answer was lost, as the test asks`);
      return answer;
    } finally {
      if (fault === 'after') this.freeze(name);
      // Nothing that comes back is seen while the process stands still, be it an answer or an error.
      await this.gate;
    }
  }

  /** The process goes on where it stood, or will not stop any more. */
  thaw(): void {
    this.fault = undefined;
    this.gate = undefined;
    this.open();
  }

  private freeze(name: string): void {
    this.gate = new Promise((resolve) => {
      this.open = resolve;
    });
    this.tell(name);
  }
}
