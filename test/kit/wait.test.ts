// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { waitFor } from './wait.ts';

test('gives the first truthy value of the probe', async () => {
  const answers = [undefined, 0, '', 'there', 'later'];
  await expect(waitFor('an answer', () => answers.shift(), { intervalMs: 1 })).resolves.toBe('there');
});

test('takes an error for "not yet"', async () => {
  let calls = 0;
  const probe = () => {
    calls += 1;
    if (calls < 3) throw new Error('connection refused');
    return calls;
  };
  await expect(waitFor('the server', probe, { intervalMs: 1 })).resolves.toBe(3);
});

test('says after the timeout what was waited for and the last error', async () => {
  const waiting = waitFor('the server', () => Promise.reject(new Error('connection refused')), {
    timeoutMs: 20,
    intervalMs: 1,
  });
  await expect(waiting).rejects.toThrow(
    /^timed out after 20 ms waiting for the server; the last error was: connection refused$/,
  );
});

test('says after the timeout what the last answer was', async () => {
  const waiting = waitFor('a row', () => undefined, { timeoutMs: 10, intervalMs: 1 });
  await expect(waiting).rejects.toThrow(/the last answer was undefined/);
});

test('does not outlive the timeout when the probe hangs', async () => {
  const waiting = waitFor('an answer', () => new Promise(() => undefined), { timeoutMs: 20 });
  await expect(waiting).rejects.toThrow(/the probe did not answer/);
});

test('ends at once, with its reason, when the signal fires', async () => {
  const stop = new AbortController();
  const probe = () => {
    stop.abort(new Error('stopped'));
    return undefined;
  };
  const waiting = waitFor('an answer', probe, { intervalMs: 60_000, signal: stop.signal });
  await expect(waiting).rejects.toThrow(/^stopped$/);
  const hanging = waitFor('an answer', () => new Promise(() => undefined), {
    signal: AbortSignal.abort(new Error('gone')),
  });
  await expect(hanging).rejects.toThrow(/^gone$/);
});
