// SPDX-License-Identifier: Apache-2.0
import { failureFacts, type FailureCode } from '../api/failure.ts';

const longestBackoffMs = 6 * 3_600_000;
/** Directories forget a wrong password after 30 minutes by default: at this distance no number of them locks the account. */
const leastAfterRefusalMs = 31 * 60_000;

/** Whether trying again at every slot cannot help: a person must act first. */
export function waitsForPerson(code: FailureCode | undefined): boolean {
  if (code === undefined) return false;
  const { retry } = failureFacts[code];
  return retry === 'on-credentials' || retry === 'on-change';
}

/**
 * How long after the newest failure a slot is held back: the interval, doubled with each failure in a row, six hours at
 * most (or the interval, when that is longer). A wrong password is not sent every quarter of an hour, and never so often that it locks
 * the account, however short the interval.
 */
export function backoffMs(
  intervalMs: number,
  consecutiveFailures: number,
  code: FailureCode | undefined,
): number {
  const doubled = intervalMs * 2 ** Math.min(20, Math.max(0, consecutiveFailures));
  const leastMs = code === 'credentials' ? Math.max(intervalMs, leastAfterRefusalMs) : intervalMs;
  return Math.max(leastMs, Math.min(doubled, longestBackoffMs));
}
