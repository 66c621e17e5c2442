// SPDX-License-Identifier: Apache-2.0

/** Real parts that may be left out outside CI, each with the tests that need it. */
const parts = ['control-plane'] as const;
type Part = (typeof parts)[number];

export interface TestArguments {
  readonly without: readonly Part[];
  /** For vitest: file filters and its own flags. */
  readonly rest: readonly string[];
}

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Takes `--without PART` (also `--without=PART`, also several times) out of the arguments of `npm test --`.
 * @throws UsageError for an unknown part, and for any part in CI: there, everything runs
 */
export function parseArguments(args: readonly string[], env: NodeJS.ProcessEnv): TestArguments {
  const without: Part[] = [];
  const rest: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? '';
    if (arg === '--without') {
      index += 1;
      without.push(parsePart(args[index]));
    } else if (arg.startsWith('--without=')) {
      without.push(parsePart(arg.slice('--without='.length)));
    } else {
      rest.push(arg);
    }
  }
  if (without.length > 0 && inCi(env))
    throw new UsageError('--without is not allowed in CI: there, everything runs');
  return { without, rest };
}

function parsePart(name: string | undefined): Part {
  const part = parts.find((candidate) => candidate === name);
  if (part === undefined)
    throw new UsageError(`--without takes one of: ${parts.join(', ')}; not ${name ?? 'nothing'}`);
  return part;
}

function inCi(env: NodeJS.ProcessEnv): boolean {
  const value = env['CI'] ?? '';
  return value !== '' && value !== 'false' && value !== '0';
}
