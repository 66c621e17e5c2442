// SPDX-License-Identifier: Apache-2.0

const form = /^(\d{4})(\d\d)(\d\d)(\d\d)(?:(\d\d)(?:(\d\d))?)?(?:[.,](\d+))?(Z|[+-]\d\d(?:\d\d)?)$/u;

/**
 * A Generalized Time of LDAP (RFC 4517 section 3.3.13): minutes and seconds may be left out, a fraction belongs to the last part that is
 * there, the zone is Z or an offset. Undefined for what is no such time, or none that the calendar knows.
 */
export function generalizedTime(text: string): Date | undefined {
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = match;
  const seconds = Number(second ?? 0);
  const clock = `${hour}:${minute ?? '00'}:${seconds === 60 ? '59' : (second ?? '00')}`;
  const date = new Date(`${year}-${month}-${day}T${clock}Z`);
  // The language rolls some days that do not exist over to the next month.
  if (Number.isNaN(date.getTime()) || date.getUTCDate() !== Number(day)) return undefined;
  const unitMs = minute === undefined ? 3_600_000 : second === undefined ? 60_000 : 1_000;
  const fractionMs = Math.floor(Number(`0.${fraction || '0'}`) * unitMs);
  const leapMs = seconds === 60 ? 1_000 : 0;
  const offset = offsetMs(zone);
  return offset === undefined ? undefined : new Date(date.getTime() + leapMs + fractionMs - offset);
}

function offsetMs(zone: string): number | undefined {
  if (zone === 'Z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3) || 0);
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
