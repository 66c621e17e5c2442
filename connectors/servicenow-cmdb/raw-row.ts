// SPDX-License-Identifier: Apache-2.0

/** The sys_id of a raw row, whatever else is wrong with it. */
export function sysIdOf(raw: unknown): string | undefined {
  return storedText(raw, 'sys_id');
}

/** Ids go into queries: only what cannot change a query is let through. */
export function isSafeId(text: string): boolean {
  return /^[0-9A-Za-z_.-]{1,32}$/u.test(text);
}

/** The stored value of a field of a raw row; undefined when it is missing, empty or no text. */
export function storedText(raw: unknown, field: string): string | undefined {
  const text = readableText(raw, field);
  return text === '' ? undefined : text;
}

/** The same, but empty for a cell that is readable and empty. A label without a stored value is not readable. */
export function readableText(raw: unknown, field: string): string | undefined {
  if (typeof raw !== 'object' || raw === null || !Object.hasOwn(raw, field)) return undefined;
  const cell: unknown = Reflect.get(raw, field);
  if (typeof cell !== 'object' || cell === null) return plainText(cell);
  if (!('value' in cell)) return undefined;
  const label: unknown = 'display_value' in cell ? cell.display_value : null;
  if (cell.value === null && label !== null && label !== '') return undefined;
  return plainText(cell.value);
}

function plainText(value: unknown): string | undefined {
  if (value === null) return '';
  return typeof value === 'string' ? value : undefined;
}
