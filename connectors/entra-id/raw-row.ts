// SPDX-License-Identifier: Apache-2.0

/** An object of a vendor's answer, of which nothing is known yet. */
export type Raw = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A property of its own, whatever stands further up. */
export function propertyOf(raw: unknown, name: string): unknown {
  return isObject(raw) && Object.hasOwn(raw, name) ? raw[name] : undefined;
}

/** The id of a raw row, in lower case as ids are stored; whatever else is wrong with the row. */
export function idIn(raw: unknown): string | undefined {
  const id = propertyOf(raw, 'id');
  return typeof id === 'string' && id !== '' ? id.toLowerCase() : undefined;
}

/** Ids go into addresses: only what cannot change one is let through. */
export function isSafeId(id: string): boolean {
  return /^[0-9A-Za-z-]{1,64}$/u.test(id);
}

/** Only the properties that were asked for, whatever a server sends. */
export function keptOf(raw: unknown, kept: ReadonlySet<string>): unknown {
  if (!isObject(raw)) return raw;
  return Object.fromEntries(Object.entries(raw).filter(([name]) => kept.has(name)));
}
