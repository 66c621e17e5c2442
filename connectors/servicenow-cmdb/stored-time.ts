// SPDX-License-Identifier: Apache-2.0
const second = 1000;

/** A time in the form ServiceNow stores and compares: `YYYY-MM-DD HH:MM:SS`, UTC. */
export function toStored(time: Date): string {
  return time.toISOString().slice(0, 19).replace('T', ' ');
}

/** A stored time that many seconds later (negative: earlier). */
export function shifted(stored: string, seconds: number): string {
  return toStored(new Date(Date.parse(`${stored.replace(' ', 'T')}Z`) + seconds * second));
}

/** RFC 3339 form of a stored time; undefined when it is none or does not exist in the calendar. */
export function toRfc3339(stored: string): string | undefined {
  if (!/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/u.test(stored)) return undefined;
  const text = `${stored.replace(' ', 'T')}Z`;
  const time = new Date(text);
  // Date rolls 31 February over to March; only what comes back as it went in is a time.
  return Number.isNaN(time.getTime()) || toStored(time) !== stored ? undefined : text;
}

/** A stored date as it is; undefined when it is none or does not exist in the calendar. */
export function toDay(stored: string): string | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/u.test(stored)) return undefined;
  return toRfc3339(`${stored} 00:00:00`) === undefined ? undefined : stored;
}
