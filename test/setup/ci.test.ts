// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const suites = fileURLToPath(new URL('../../.ci/suites.sh', import.meta.url));

/** A CI script of these lines, and how it ended. */
function ci(...lines: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'ci-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const script = join(folder, 'run');
  writeFileSync(script, [`source ${suites}`, ...lines].join('\n'));
  const { status, stdout } = spawnSync('bash', [script], { encoding: 'utf8' });
  return { status, lastLine: stdout.trimEnd().split('\n').at(-1) };
}

const says = (line: string, code = 0) => `suite bash -c 'echo "${line}"; exit ${code}'`;

test.each<[string, readonly string[], string, number]>([
  ['adds up its suites', [says('3 passed, 0 failed'), says('4 passed, 0 failed')], '7 passed, 0 failed', 0],
  [
    'goes on after a suite that fails',
    [says('3 passed, 2 failed', 1), says('4 passed, 0 failed')],
    '7 passed, 2 failed',
    1,
  ],
  ['counts a suite without its line as failed', [says('all is well')], '0 passed, 1 failed', 1],
  [
    'counts a suite that says nothing failed and fails',
    [says('5 passed, 0 failed', 3)],
    '5 passed, 1 failed',
    1,
  ],
  ['ends at a step that fails', ['step false', says('4 passed, 0 failed')], '0 passed, 1 failed', 1],
  [
    'keeps what had passed before a step failed',
    [says('4 passed, 0 failed'), 'step false'],
    '4 passed, 1 failed',
    1,
  ],
])('the last line: %s', (_, lines, lastLine, status) => {
  expect(ci(...lines)).toEqual({ lastLine, status });
});
