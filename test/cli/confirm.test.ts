// SPDX-License-Identifier: Apache-2.0
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { CommandFailed } from '../../src/cli/command.ts';
import { confirm } from '../../src/cli/confirm.ts';
import { InputError } from '../../src/cli/manifests.ts';

/** Somebody at a terminal who types this; answers what was shown. */
async function ask(typed: string, terminal = true): Promise<string> {
  const stdin = Object.assign(new PassThrough(), { isTTY: terminal });
  const stderr = new PassThrough();
  stdin.write(`${typed}\n`);
  await confirm({ stdin, stdout: new PassThrough(), stderr }, 'Erase them?', false);
  return String(stderr.read() ?? '');
}

test.each(['y', 'Yes', ' yes '])('%j goes on', async (typed) => {
  expect(await ask(typed)).toContain('Erase them? [y/N]');
});

test.each(['', 'n', 'yess', 'inventory/cmdb'])('%j does nothing', async (typed) => {
  await expect(ask(typed)).rejects.toThrow(new CommandFailed('nothing was done'));
});

test('whoever closes the terminal has not said yes', async () => {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  stdin.end();
  const asked = confirm(
    { stdin, stdout: new PassThrough(), stderr: new PassThrough() },
    'Erase them?',
    false,
  );
  await expect(asked).rejects.toThrow(new CommandFailed('nothing was done'));
});

test('without a terminal nobody is asked, and nothing is done', async () => {
  await expect(ask('y', false)).rejects.toThrow(InputError);
});
