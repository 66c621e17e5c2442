// SPDX-License-Identifier: Apache-2.0
import { startControl, type Command } from './control.ts';

/** The value of a flag that is a whole number; throws with its name for any other. */
export function wholeNumber(flag: string, text: string): number {
  if (!/^\d{1,9}$/u.test(text)) throw new Error(`--${flag} ${text}: give a whole number`);
  return Number(text);
}

export function signedNumber(flag: string, text: string): number {
  return text.startsWith('-') ? -wholeNumber(flag, text.slice(1)) : wholeNumber(flag, text);
}

/** So many things after a time, such as 30:100. */
export function after(
  flag: string,
  text: string | undefined,
): { readonly seconds: number; readonly rows: number } | undefined {
  if (text === undefined) return undefined;
  const [, seconds, rows] = /^(\d{1,6}):(\d{1,9})$/u.exec(text) ?? [];
  if (seconds === undefined || rows === undefined)
    throw new Error(`--${flag} ${text}: give SECONDS:ROWS, such as 30:100`);
  return { seconds: Number(seconds), rows: Number(rows) };
}

export interface RunningEmulator {
  /** What is printed, as JSON, when it listens; besides where it takes commands. */
  readonly address: object;
  readonly commands: readonly Command[];
  readonly controlPort: number;
  stop(): Promise<void>;
}

/** An emulator on its own until Ctrl-C. Answers the exit status. */
export async function runEmulator<Options>(
  usage: string,
  parse: (args: readonly string[]) => Options | 'help',
  start: (options: Options) => Promise<RunningEmulator>,
): Promise<number> {
  try {
    const options = parse(process.argv.slice(2));
    if (options === 'help') {
      console.log(usage);
      return 0;
    }
    const emulator = await start(options);
    const control = await startControl(emulator.commands, emulator.controlPort).catch(
      async (error: unknown) => {
        await emulator.stop();
        throw error;
      },
    );
    console.log(JSON.stringify({ ...emulator.address, controlUrl: control.url }));
    const stop = () => void Promise.all([emulator.stop(), control.stop()]);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
    return 0;
  } catch (error) {
    // A wrong flag, a file that cannot be read, a port in use: the message says it, a trace would hide it.
    console.error(error instanceof Error ? error.message : String(error));
    return 2;
  }
}
