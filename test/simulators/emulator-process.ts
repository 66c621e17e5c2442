// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export function programOf(name: string): string {
  return fileURLToPath(new URL(`${name}/main.ts`, import.meta.url));
}

/** An emulator as a program of its own: the addresses that it printed, and a hand on it. */
export class EmulatorProcess<Address> {
  readonly address: Address & { readonly controlUrl: string };
  private readonly child: ReturnType<typeof spawn>;

  private constructor(child: ReturnType<typeof spawn>, address: Address & { readonly controlUrl: string }) {
    this.child = child;
    this.address = address;
  }

  static async start<Address>(name: string, ...flags: string[]): Promise<EmulatorProcess<Address>> {
    const child = spawn(process.execPath, [programOf(name), ...flags], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface(child.stdout))
      return new EmulatorProcess(child, JSON.parse(line) as Address & { controlUrl: string });
    throw new Error(`the emulator ${name} ended before it said where it listens`);
  }

  /** What it says to commands, one a line. */
  async send(...lines: string[]): Promise<{ readonly status: number; readonly says: string }> {
    const response = await fetch(this.address.controlUrl, { method: 'POST', body: lines.join('\n') });
    return { status: response.status, says: (await response.text()).trimEnd() };
  }

  /** The same; fails where a command is refused. */
  async tell(...lines: string[]): Promise<string> {
    const { status, says } = await this.send(...lines);
    if (status !== 200) throw new Error(`${lines.join('; ')}: ${says}`);
    return says;
  }

  /** Answers its exit status; null where it does not end when it is asked to. */
  async stop(): Promise<number | null> {
    const closed = once(this.child, 'close') as Promise<[number | null]>;
    const patience = setTimeout(() => this.child.kill('SIGKILL'), 5000);
    this.child.kill('SIGTERM');
    const [status] = await closed;
    clearTimeout(patience);
    return status;
  }
}
