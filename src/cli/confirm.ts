// SPDX-License-Identifier: Apache-2.0
import { createInterface } from 'node:readline/promises';
import { CommandFailed, type Streams } from './command.ts';
import { InputError } from './manifests.ts';

export const yesOption = { type: 'boolean', short: 'y', default: false } as const;
export const yesUsage = '  -y, --yes                       do not ask; for scripts';

/**
 * Asks whoever sits at the terminal whether to go on.
 * @throws InputError when nobody can be asked and --yes was not given, CommandFailed when the answer is not yes
 */
export async function confirm({ stdin, stderr }: Streams, question: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!('isTTY' in stdin) || stdin.isTTY !== true)
    throw new InputError('nobody can be asked, since standard input is no terminal; give --yes to go on');
  const asking = createInterface({ input: stdin, output: stderr });
  // Ctrl-C and Ctrl-D answer nothing: without this the question would wait for ever.
  const closed = new AbortController();
  asking.once('close', () => closed.abort());
  try {
    const answer = await asking
      .question(`${question} [y/N] `, { signal: closed.signal })
      .catch((error: unknown) => {
        if (closed.signal.aborted) return '';
        throw error;
      });
    if (!/^y(es)?$/iu.test(answer.trim())) throw new CommandFailed('nothing was done');
  } finally {
    asking.close();
  }
}
