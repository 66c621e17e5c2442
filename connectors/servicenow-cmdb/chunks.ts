// SPDX-License-Identifier: Apache-2.0
/** A list in parts of at most that size, in order. */
export function chunks<T>(items: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let start = 0; start < items.length; start += size) parts.push(items.slice(start, start + size));
  return parts;
}

/**
 * Longest list in one query, as it stands in the address: servers and proxies take 8 KB at least, and the rest of the
 * address comes on top.
 */
export const maxListLength = 2500;

/** How long a list is in an address, its commas included. */
export function addressLength(names: readonly string[]): number {
  return encodeURIComponent(names.join(',')).length;
}

/** A list of names in parts that each fit into an address, in order. */
export function addressParts(names: readonly string[]): string[][] {
  const parts: string[][] = [];
  for (const name of names) {
    const last = parts.at(-1);
    if (last !== undefined && addressLength([...last, name]) <= maxListLength) last.push(name);
    else parts.push([name]);
  }
  return parts;
}
