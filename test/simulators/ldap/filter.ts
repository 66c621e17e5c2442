// SPDX-License-Identifier: Apache-2.0
import { elementsOf, type Element } from '../../../src/connector/ldap/ber.ts';
import type { Value } from './wire.ts';

/** Values of an entry by attribute, whatever its spelling. */
export type Values = (attribute: string) => readonly Value[];

const bitAnd = '1.2.840.113556.1.4.803';
const bitOr = '1.2.840.113556.1.4.804';

/** Whether an entry fits a filter (RFC 4511 section 4.5.1.7). Text is compared without regard to case, numbers as numbers. */
export function matches(filter: Element, values: Values): boolean {
  const parts = () => elementsOf(filter.content);
  switch (filter.tag) {
    case 0xa0:
      return parts().every((part) => matches(part, values));
    case 0xa1:
      return parts().some((part) => matches(part, values));
    case 0xa2:
      return parts().every((part) => !matches(part, values));
    case 0xa3:
    case 0xa8:
      return compared(parts(), values, equal);
    case 0xa4:
      return substrings(parts(), values);
    case 0xa5:
      return compared(parts(), values, (have, want) => order(have, want) >= 0);
    case 0xa6:
      return compared(parts(), values, (have, want) => order(have, want) <= 0);
    case 0x87:
      return values(filter.content.toString()).length > 0;
    case 0xa9:
      return bits(parts(), values);
    default:
      throw new Error(`filter 0x${filter.tag.toString(16)} is not known to the fake directory`);
  }
}

function compared(
  [attribute, value]: readonly Element[],
  values: Values,
  holds: (have: Buffer, want: Buffer) => boolean,
): boolean {
  const want = value?.content ?? Buffer.alloc(0);
  return values(attribute?.content.toString() ?? '').some((have) => holds(Buffer.from(have as string), want));
}

function equal(have: Buffer, want: Buffer): boolean {
  return have.equals(want) || have.toString().toLowerCase() === want.toString().toLowerCase();
}

function order(have: Buffer, want: Buffer): number {
  const [one, other] = [have.toString(), want.toString()];
  const number = /^-?\d+$/u;
  if (number.test(one) && number.test(other)) return Number(BigInt(one) - BigInt(other));
  return one < other ? -1 : one > other ? 1 : 0;
}

function substrings([attribute, list]: readonly Element[], values: Values): boolean {
  const pieces = elementsOf(list?.content ?? Buffer.alloc(0));
  const pattern = pieces.map(({ tag, content }) => {
    const text = content.toString().replaceAll(/[.*+?^${}()|[\]\\]/gu, String.raw`\$&`);
    return tag === 0x80 ? `^${text}` : tag === 0x82 ? `${text}$` : text;
  });
  const expression = new RegExp(pattern.join('.*'), 'isu');
  return values(attribute?.content.toString() ?? '').some((have) => expression.test(String(have)));
}

function bits(parts: readonly Element[], values: Values): boolean {
  const part = (tag: number) => parts.find((one) => one.tag === tag)?.content.toString() ?? '';
  const [rule, attribute, want] = [part(0x81), part(0x82), BigInt(part(0x83))];
  if (rule !== bitAnd && rule !== bitOr)
    throw new Error(`matching rule ${rule} is not known to the fake directory`);
  return values(attribute).some((have) => {
    const common = BigInt.asUintN(64, BigInt(String(have))) & want;
    return rule === bitAnd ? common === want : common !== 0n;
  });
}
