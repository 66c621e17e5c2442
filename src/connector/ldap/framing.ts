// SPDX-License-Identifier: Apache-2.0
import { headerOf, MalformedBer, tags } from './ber.ts';

/** A message longer than is read of any: known from its first bytes, before the rest has come. */
export class MessageTooLong extends Error {
  override readonly name = 'MessageTooLong';
  readonly bytes: number;

  constructor(bytes: number) {
    super(`a message of ${bytes} bytes`);
    this.bytes = bytes;
  }
}

/**
 * Cuts what comes over a connection into whole messages. Holds no more than one message that is under way, and joins its parts once,
 * when it is whole. Throws MessageTooLong and MalformedBer; nothing is to be read after that.
 */
export class Framing {
  private parts: Buffer[] = [];
  private held = 0;
  /** Of the message under way, header included; undefined until its header is there. */
  private wanted: number | undefined;
  private readonly maxBytes: number;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Bytes of a message that is not whole yet. */
  get pendingBytes(): number {
    return this.held;
  }

  *push(chunk: Buffer): Generator<Buffer, void, void> {
    this.parts.push(chunk);
    this.held += chunk.length;
    for (;;) {
      this.wanted ??= this.lengthOfNext();
      if (this.wanted === undefined || this.held < this.wanted) return;
      const bytes = this.joined();
      const message = bytes.subarray(0, this.wanted);
      const rest = bytes.subarray(this.wanted);
      this.parts = rest.length === 0 ? [] : [rest];
      this.held = rest.length;
      this.wanted = undefined;
      yield message;
    }
  }

  private lengthOfNext(): number | undefined {
    // A header has at most six bytes, so this joins little.
    const start = (this.parts[0]?.length ?? 0) < 6 ? this.joined() : (this.parts[0] ?? Buffer.alloc(0));
    const header = headerOf(start);
    if (header === undefined) return undefined;
    if (header.tag !== tags.sequence) throw new MalformedBer('something that is no LDAP message');
    const length = header.headerBytes + header.contentBytes;
    if (length > this.maxBytes) throw new MessageTooLong(length);
    return length;
  }

  private joined(): Buffer {
    if (this.parts.length > 1) this.parts = [Buffer.concat(this.parts, this.held)];
    return this.parts[0] ?? Buffer.alloc(0);
  }
}
