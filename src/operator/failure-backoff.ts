// SPDX-License-Identifier: Apache-2.0
import { failureFacts, type FailureCode } from '../api/failure.ts';
import { leastAfterRefusalMs } from '../connector/ldap/logins.ts';

const longestBackoffMs = 6 * 3_600_000;

/** Whether trying again at every slot cannot help: a person must act first. */
export function waitsForPerson(code: FailureCode | undefined): boolean {
  if (code === undefined) return false;
  const { retry } = failureFacts[code];
  return retry === 'on-credentials' || retry === 'on-change';
}

/**
 * How long after the newest failure a slot is held back: the interval, doubled with each failure in a row, six hours at
 * most (or the interval, when that is longer). A wrong password is not sent every quarter of an hour, however short the interval, but at a distance at which directories
 * have forgotten it by default. That keeps one process from locking the account. It does not keep several replicas from it together, since each knows of its own logins only, nor
 * other programs with the same account, nor does it know of a directory that remembers for longer (lockoutObservationWindow).
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
