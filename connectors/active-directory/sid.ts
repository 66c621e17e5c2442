// SPDX-License-Identifier: Apache-2.0

/** Text form of a binary `objectSid` ([MS-DTYP] 2.4.2.2), such as S-1-5-21-1-2-3-513; undefined when the bytes are none. */
export function sidOf(bytes: Uint8Array): string | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < 8 || buffer[0] !== 1) return undefined;
  const count = buffer[1] ?? 0;
  if (count > 15 || buffer.length !== 8 + 4 * count) return undefined;
  const parts = Array.from({ length: count }, (_, index) => buffer.readUInt32LE(8 + 4 * index));
  return ['S', 1, buffer.readUIntBE(2, 6), ...parts].join('-');
}

const sidForm = /^S-1-\d{1,15}(?:-\d{1,10}){0,15}$/u;

export function isSid(text: string): boolean {
  return sidForm.test(text);
}

/** Binary form, for a filter; undefined when the text is no SID. */
export function sidBytes(text: string): Buffer | undefined {
  if (!isSid(text)) return undefined;
  const [authority = 0, ...parts] = text.split('-').slice(2).map(Number);
  if (authority >= 2 ** 48 || parts.some((part) => part >= 2 ** 32)) return undefined;
  const buffer = Buffer.alloc(8 + 4 * parts.length);
  buffer[0] = 1;
  buffer[1] = parts.length;
  buffer.writeUIntBE(authority, 2, 6);
  for (const [index, part] of parts.entries()) buffer.writeUInt32LE(part, 8 + 4 * index);
  return buffer;
}

/** The domain that gave a SID out, and the number within it. */
export function splitSid(sid: string): { readonly domain: string; readonly rid: string } {
  const at = sid.lastIndexOf('-');
  return { domain: sid.slice(0, at), rid: sid.slice(at + 1) };
}
