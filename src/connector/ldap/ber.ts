// SPDX-License-Identifier: Apache-2.0

/** One value of the Basic Encoding Rules as LDAP narrows them (RFC 4511 section 5.1): tag of one byte, definite length. */
export interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

export const tags = {
  integer: 0x02,
  octetString: 0x04,
  enumerated: 0x0a,
  sequence: 0x30,
  set: 0x31,
} as const;

/** So many values one answer may hold: two bytes make one, and each is an object of about a hundred bytes in memory. */
export const mostElements = 1_000_000;

/** More values than are read of any answer. */
export class TooManyElements extends Error {
  override readonly name = 'TooManyElements';
}

/** Counts the values that are read, so that they are never all made first. */
export class ElementCount {
  count = 0;
  private readonly most: number;

  constructor(most: number = mostElements) {
    this.most = most;
  }

  /** Throws TooManyElements. */
  add(): void {
    this.count += 1;
    if (this.count > this.most) throw new TooManyElements(`more than ${this.most} values`);
  }
}

/** Bytes that are no such encoding. The message names what is wrong, never a value. */
export class MalformedBer extends Error {
  override readonly name = 'MalformedBer';
}

export interface Header {
  readonly tag: number;
  /** Of tag and length. */
  readonly headerBytes: number;
  readonly contentBytes: number;
}

/** Tag and length at the beginning of what has come; undefined while it is too short to tell. */
export function headerOf(bytes: Buffer, offset = 0): Header | undefined {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined) return undefined;
  if ((tag & 0x1f) === 0x1f) throw new MalformedBer('a tag of several bytes');
  if (first === undefined) return undefined;
  if (first < 0x80) return { tag, headerBytes: 2, contentBytes: first };
  const lengthBytes = first & 0x7f;
  if (lengthBytes === 0) throw new MalformedBer('a length that is not told');
  if (lengthBytes > 4) throw new MalformedBer(`a length of ${lengthBytes} bytes`);
  if (bytes.length < offset + 2 + lengthBytes) return undefined;
  return { tag, headerBytes: 2 + lengthBytes, contentBytes: bytes.readUIntBE(offset + 2, lengthBytes) };
}

/**
 * The values that content is made of, which they must fill to its last byte: what is cut off is never read as if it were whole. `counted` is of
 * the message that holds them.
 */
export function elementsOf(content: Buffer, counted = new ElementCount()): Element[] {
  const elements: Element[] = [];
  for (let offset = 0; offset < content.length;) {
    const header = headerOf(content, offset);
    const start = offset + (header?.headerBytes ?? 0);
    if (header === undefined || start + header.contentBytes > content.length)
      throw new MalformedBer('a value that reaches beyond what holds it');
    offset = start + header.contentBytes;
    counted.add();
    elements.push({ tag: header.tag, content: content.subarray(start, offset) });
  }
  return elements;
}

/** The content of an element that must be there with this tag. `what` is for the message. */
export function contentOf(element: Element | undefined, tag: number, what: string): Buffer {
  if (element === undefined) throw new MalformedBer(`no ${what}`);
  if (element.tag !== tag) throw new MalformedBer(`${what} with tag 0x${element.tag.toString(16)}`);
  return element.content;
}

/** A number that is not negative, of at most 4 bytes, as message ids and result codes are. */
export function numberOf(element: Element | undefined, tag: number, what: string): number {
  const content = contentOf(element, tag, what);
  if (content.length === 0 || content.length > 4)
    throw new MalformedBer(`${what} of ${content.length} bytes`);
  const value = content.readIntBE(0, content.length);
  if (value < 0) throw new MalformedBer(`${what} below 0`);
  return value;
}
