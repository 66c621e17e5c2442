// SPDX-License-Identifier: Apache-2.0

const guidForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/iu;

/** The first three groups of a GUID are stored with their lowest byte first ([MS-DTYP] 2.3.4.2). */
const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] as const;

/** Text form of the 16 bytes of `objectGUID` or `invocationId`, in lower case; undefined when they are not 16. */
export function guidOf(bytes: Uint8Array): string | undefined {
  if (bytes.length !== 16) return undefined;
  const hex = Buffer.from(order.map((index) => bytes[index] ?? 0)).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** The 16 bytes as the directory stores them, for a filter; undefined when the text is no GUID. */
export function guidBytes(text: string): Buffer | undefined {
  if (!guidForm.test(text)) return undefined;
  const shown = Buffer.from(text.replaceAll('-', ''), 'hex');
  const stored = Buffer.alloc(16);
  for (const [position, index] of order.entries()) stored[index] = shown[position] ?? 0;
  return stored;
}
