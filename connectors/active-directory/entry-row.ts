// SPDX-License-Identifier: Apache-2.0
import type { LdapEntry } from '../../src/connector/ldap/client.ts';
import { guidOf } from './guid.ts';
import { sidOf } from './sid.ts';

/** Attributes whose values are bytes, and what they stand for. The kit gives these as bytes, whatever they look like. */
const forms: Readonly<Record<string, (bytes: Buffer) => string | undefined>> = {
  objectguid: guidOf,
  invocationid: guidOf,
  parentguid: guidOf,
  objectsid: sidOf,
  sidhistory: sidOf,
  'ms-ds-creatorsid': sidOf,
  'ms-ds-consistencyguid': base64,
  thumbnailphoto: base64,
  jpegphoto: base64,
  usercertificate: base64,
  msexchmailboxguid: guidOf,
};
export const binaryAttributes: readonly string[] = Object.keys(forms);

function base64(bytes: Buffer): string {
  return bytes.toString('base64');
}

/** A value that should be text and is none stays what it is, and does not fit the schema of a row. */
type RawValue = string | { readonly bytes: number };

/**
 * An entry as a row: values by attribute, names in lower case. What was not asked for is left out, whatever a server sends; of bytes that a mapping asks for
 * the base64 is given.
 */
export function rowOf(
  entry: LdapEntry,
  asked: readonly string[],
  mapped: ReadonlySet<string>,
): Readonly<Record<string, readonly RawValue[]>> {
  const row: Record<string, readonly RawValue[]> = {};
  for (const attribute of asked) {
    const name = attribute.toLowerCase();
    const values = entry.values(name).map((value) => textOf(value, name, mapped.has(name)));
    if (values.length > 0) row[name] = values;
  }
  return row;
}

function textOf(value: string | Buffer, name: string, isMapped: boolean): RawValue {
  if (typeof value === 'string') return value;
  const form = Object.hasOwn(forms, name) ? forms[name] : undefined;
  const text = form === undefined ? (isMapped ? base64(value) : undefined) : form(value);
  return text ?? { bytes: value.length };
}
