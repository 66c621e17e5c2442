// SPDX-License-Identifier: Apache-2.0
import { generalizedTime as parsed } from '../../src/connector/ldap/generalized-time.ts';

const never = 9_223_372_036_854_775_807n;
const ticksPerMs = 10_000n;
const msFrom1601To1970 = 11_644_473_600_000n;
/** The end of the year 9999, after which RFC 3339 has no form. */
const lastMs = 253_402_300_799_999n;
/** The beginning of the year 0, before which it has none. */
const firstMs = -62_167_219_200_000;

/**
 * A FILETIME, a decimal count of 100 ns since 1601 UTC ([MS-DTYP] 2.3.3), as RFC 3339 in UTC with milliseconds where it has some. Undefined for what is
 * no point in time: 0 and the largest number, which mean never or not set, negative numbers, and what is no number.
 */
export function fileTime(text: string): string | undefined {
  if (!/^\d{1,19}$/u.test(text)) return undefined;
  const ticks = BigInt(text);
  if (ticks === 0n || ticks >= never) return undefined;
  const ms = ticks / ticksPerMs - msFrom1601To1970;
  return ms > lastMs ? undefined : rfc3339(Number(ms));
}

/** Whether a FILETIME is a point in time that has come; one that means never has not. */
export function isPast(text: string, now: Date): boolean {
  const time = fileTime(text);
  return time !== undefined && Date.parse(time) <= now.getTime();
}

/** A generalized time such as 20260302101112.0Z as RFC 3339 in UTC; undefined when it is none, or has no form there. */
export function generalizedTime(text: string): string | undefined {
  const ms = parsed(text)?.getTime();
  return ms === undefined || ms < firstMs || ms > Number(lastMs) ? undefined : rfc3339(ms);
}

/** Without milliseconds where they are zero. */
function rfc3339(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

/** An interval such as `lockoutDuration`, negative and in 100 ns, in milliseconds; undefined when it has no end. */
export function intervalMs(text: string): number | undefined {
  if (!/^-\d{1,19}$/u.test(text)) return undefined;
  const ticks = -BigInt(text);
  return ticks > never ? undefined : Number(ticks / ticksPerMs);
}
