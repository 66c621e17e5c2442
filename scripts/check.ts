// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** The one gate. Every step runs, so that one call shows everything that is wrong. */
const steps: readonly (readonly [name: string, program: string, ...args: string[]])[] = [
  ['format', 'prettier', '--check', '--log-level', 'warn', '.'],
  ['lint', 'oxlint', '--type-aware', '--deny-warnings'],
  ['types', 'tsc', '--project', '.'],
  ['generated files', process.execPath, 'scripts/generate.ts', '--check'],
  ['architecture', 'vitest', 'run', '--project', 'unit', 'test/architecture.test.ts'],
];

let failed = 0;
for (const [name, program, ...args] of steps) {
  const startedMs = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.error(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (code === 0) continue;
  failed += 1;
  console.error(output);
}
process.exitCode = failed === 0 ? 0 : 1;
