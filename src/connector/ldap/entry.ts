// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../failure.ts';
import { vendorWords } from '../vendor-words.ts';
import type { LdapEntry, LdapRange } from './client.ts';
import type { RawEntry } from './message.ts';

type Value = string | Buffer;

interface Known {
  readonly raw: Buffer[];
  range:
    { readonly low: number; readonly high: number | undefined; readonly raw: readonly Buffer[] } | undefined;
}

const rangeOption = /^range=(\d+)-(\d+|\*)$/u;
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** An entry as it came, its values read when they are asked for. `binary` holds names in lower case. */
export function entryOf(raw: RawEntry, binary: ReadonlySet<string>): LdapEntry {
  const known = new Map<string, Known>();
  for (const { type, values } of raw.attributes) {
    const [first = '', ...options] = type.toLowerCase().split(';');
    const kept = options.filter((option) => option !== 'binary' && !rangeOption.test(option));
    const name = [first, ...kept].join(';');
    const attribute: Known = known.get(name) ?? { raw: [], range: undefined };
    known.set(name, attribute);
    const [, low, high] =
      options.map((option) => rangeOption.exec(option)).find((found) => found !== null) ?? [];
    // Beside the part, a server gives the attribute itself without values.
    if (low !== undefined)
      attribute.range = { low: Number(low), high: high === '*' ? undefined : Number(high), raw: values };
    else for (const value of values) attribute.raw.push(value);
  }

  const read = (name: string, values: readonly Buffer[]): Value[] =>
    values.map((value) => (binary.has(name) ? value : textOf(value)));

  return {
    dn: raw.dn,
    names: [...known.keys()],
    values: (name) => read(name.toLowerCase(), known.get(name.toLowerCase())?.raw ?? []),
    first(name) {
      const bytes = this.bytes(name);
      return bytes === undefined ? undefined : read(name.toLowerCase(), [bytes])[0];
    },
    text(name) {
      const bytes = this.bytes(name);
      const value = bytes === undefined ? undefined : textOf(bytes);
      if (value === undefined || typeof value === 'string') return value;
      throw new Failure('contract', `${vendorWords(raw.dn, (dn) => dn)}: attribute ${name} is no UTF-8 text`);
    },
    bytes: (name) => known.get(name.toLowerCase())?.raw[0],
    range(name): LdapRange | undefined {
      const range = known.get(name.toLowerCase())?.range;
      if (range === undefined) return undefined;
      return { low: range.low, high: range.high, values: read(name.toLowerCase(), range.raw) };
    },
  };
}

function textOf(bytes: Buffer): Value {
  try {
    return strict.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return bytes;
    throw error;
  }
}
