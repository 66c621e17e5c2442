// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementsOf, MalformedBer } from '../../../src/connector/ldap/ber.ts';
import { Framing, MessageTooLong } from '../../../src/connector/ldap/framing.ts';
import { readMessage } from '../../../src/connector/ldap/message.ts';
import { entryMessage, resultMessage } from '../../simulators/ldap/wire.ts';

const text = fc.string({ maxLength: 20 });
const value = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));
const entries = fc.record({ dn: text, attributes: fc.dictionary(text, fc.array(value, { maxLength: 5 })) });

describe('a message', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31 - 1), entries, (id, { dn, attributes }) => {
        const bytes = entryMessage(id, dn, new Map(Object.entries(attributes)));
        const wellFormed = (raw: string) => Buffer.from(raw).toString();
        expect(readMessage(bytes)).toEqual({
          ...{ id, kind: 'entry' },
          entry: {
            dn: wellFormed(dn),
            attributes: Object.entries(attributes).map(([type, values]) => ({
              type: wellFormed(type),
              values,
            })),
          },
        });
      }),
    );
  });

  it('with a result keeps the words, the place and the URLs', () => {
    const result = { code: 10, matchedDn: 'DC=test', text: 'elsewhere', referrals: ['ldap://a', 'ldap://b'] };
    const read = readMessage(resultMessage(5, 'search', result, { cookie: Buffer.from('c') }));
    expect(read).toMatchObject({ id: 5, kind: 'done', result });
  });

  it('that is cut anywhere, or changed anywhere, is never read in another way than by a failure or whole', () => {
    const whole = resultMessage(5, 'search', { code: 4, text: 'limit' }, { cookie: Buffer.from('abc') });
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => readMessage(whole.subarray(0, length))).toThrow(MalformedBer);
    }
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 200 }), (bytes) => {
        try {
          readMessage(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedBer);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['a result without a code', '30050201036500'],
    ['a code below 0', '300c020103650 70a01ff04000400'.replaceAll(' ', '')],
    ['a code of no bytes', '300b02010365060a0004000400'],
    ['a length of many bytes', '3085000000000100'],
    ['a length that is not told', '308002010100 00'.replaceAll(' ', '')],
    ['an operation that is none of a server', '30050201034a00'],
    ['attributes that reach beyond the entry', '300c020103640704016130 7f0400'.replaceAll(' ', '')],
  ])('is refused: %s', (_, hex) => {
    expect(() => readMessage(Buffer.from(hex, 'hex'))).toThrow(MalformedBer);
  });

  it('with a tag of several bytes is refused', () => {
    expect(() => elementsOf(Buffer.from('1f8101', 'hex'))).toThrow('a tag of several bytes');
  });
});

describe('framing', () => {
  it('gives the same messages however the bytes come', () => {
    const message = fc.tuple(fc.nat(1000), fc.string({ maxLength: 300 }));
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 50 })),
        (list, sizes) => {
          const messages = list.map(([id, dn]) => entryMessage(id, dn, new Map()));
          let rest = Buffer.concat(messages);
          const framing = new Framing(1_000_000);
          const found: Buffer[] = [];
          for (let turn = 0; rest.length > 0; turn += 1) {
            const size = sizes[turn % Math.max(1, sizes.length)] ?? 7;
            found.push(...framing.push(rest.subarray(0, size)));
            rest = rest.subarray(size);
          }
          expect(found).toEqual(messages);
          expect(framing.pendingBytes).toBe(0);
        },
      ),
    );
  });

  it('knows a message that is too long by its first bytes, at the very bound', () => {
    const framing = new Framing(100);
    const header = (length: number) => Buffer.from([0x30, length - 2]);
    expect([...framing.push(header(100))]).toEqual([]);
    expect(() => [...new Framing(100).push(header(101))]).toThrow(MessageTooLong);
    expect(() => [...new Framing(100).push(Buffer.from('3084ffffffff', 'hex'))]).toThrow(
      'a message of 4294967301 bytes',
    );
  });

  it('refuses what is no LDAP by its first byte', () => {
    expect(() => [...new Framing(100).push(Buffer.from('HTTP/1.1 200 OK'))]).toThrow(MalformedBer);
  });

  it('joins a long message once, not again with each part', () => {
    const framing = new Framing(16 * 1024 * 1024);
    const long = entryMessage(1, 'x', new Map([['photo', [Buffer.alloc(8 * 1024 * 1024)]]]));
    const startedMs = performance.now();
    let found = 0;
    for (let offset = 0; offset < long.length; offset += 1024) {
      for (const message of framing.push(long.subarray(offset, offset + 1024))) found += message.length;
    }
    expect(found).toBe(long.length);
    // 8,192 parts: joined each time it would copy 32 GB.
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });
});
