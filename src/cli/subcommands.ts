// SPDX-License-Identifier: Apache-2.0
import type { CommandEntry } from './command.ts';
import { InputError } from './manifests.ts';

/** A command whose first word chooses what it does: `extsys runs list`. With --help the usage of all is shown. */
export function subcommands(name: string, entries: Readonly<Record<string, CommandEntry>>): CommandEntry {
  const usage = Object.values(entries)
    .map((entry) => entry.usage)
    .join('\n');
  return {
    usage,
    async run(args, streams) {
      const [word = '', ...rest] = args;
      const entry = Object.hasOwn(entries, word) ? entries[word] : undefined;
      if (entry === undefined) {
        const known = Object.keys(entries).join(', ');
        throw new InputError(
          `${word === '' ? 'what to do is missing' : `there is no ${word}`}; use extsys ${name} with one of ${known}`,
        );
      }
      return entry.run(rest, streams);
    },
  };
}
