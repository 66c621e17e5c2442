// SPDX-License-Identifier: Apache-2.0

/** X.509 knows no fractions of a second, and neither does `unixepoch()` of SQLite. */
export function wholeSecond(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1000) * 1000);
}

const daySeconds = 86_400;

/**
 * Whole days that are left, as `days_to_expiry` in the views has them: the seconds that are left by 86,400, rounded down. So 0 on the last day
 * and -1 on the first day after it; below 0 it is over. At the very second of its end a certificate is still valid (RFC 5280, 4.1.2.5). Pure.
 */
export function daysLeft(expiresAt: Date, now: Date): number {
  const seconds = (wholeSecond(expiresAt).getTime() - wholeSecond(now).getTime()) / 1000;
  return Math.floor(seconds / daySeconds);
}
