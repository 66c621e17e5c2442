// SPDX-License-Identifier: Apache-2.0

/**
 * Milliseconds of a Retry-After header: seconds, or a date in the one form that HTTP allows to send (RFC 9110, 5.6.7).
 * Decimals occur (Microsoft Graph sends `2.128`). Anything else counts as absent: `Date.parse` would read `-1` as a day of 2001.
 */
export function retryAfter(header: string | undefined, now: Date): number | undefined {
  const value = header?.trim() ?? '';
  if (/^\d+(\.\d+)?$/u.test(value)) return Number(value) * 1000;
  const until = new Date(value);
  // Only the form that is meant comes out again as it went in.
  if (Number.isNaN(until.getTime()) || until.toUTCString() !== value) return undefined;
  return Math.max(0, until.getTime() - now.getTime());
}
