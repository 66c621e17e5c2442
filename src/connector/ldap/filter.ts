// SPDX-License-Identifier: Apache-2.0
import {
  AndFilter,
  EqualityFilter,
  ExtensibleFilter,
  GreaterThanEqualsFilter,
  NotFilter,
  OrFilter,
  PresenceFilter,
  type Filter,
} from 'ldapts';

export type { Filter } from 'ldapts';

/** Built filters take values as they are, bytes too: nothing is to be escaped, and nothing can break out of its place. */
export function equals(attribute: string, value: string | Buffer): Filter {
  return new EqualityFilter({ attribute, value });
}

export function present(attribute: string): Filter {
  return new PresenceFilter({ attribute });
}

/** LDAP has no "greater than". */
export function atLeast(attribute: string, value: string | bigint): Filter {
  return new GreaterThanEqualsFilter({ attribute, value: String(value) });
}

export function allOf(...filters: readonly Filter[]): Filter {
  return new AndFilter({ filters: [...filters] });
}

export function anyOf(...filters: readonly Filter[]): Filter {
  return new OrFilter({ filters: [...filters] });
}

export function not(filter: Filter): Filter {
  return new NotFilter({ filter });
}

/** All of the bits are set (Microsoft's matching rule 1.2.840.113556.1.4.803). */
export function hasBits(attribute: string, bits: number): Filter {
  return new ExtensibleFilter({
    matchType: attribute,
    rule: '1.2.840.113556.1.4.803',
    value: String(bits),
  });
}

/** A text for its place in a filter as text, RFC 4515 section 3. For bytes use `equals`. */
export function escapeValue(text: string): string {
  return text.replaceAll(/[*()\\\0]/gu, (char) => `\\${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** A text for its place as the value within a DN, RFC 4514 section 2.4. */
export function escapeDnValue(text: string): string {
  return text
    .replaceAll(/["+,;<>\\]/gu, String.raw`\$&`)
    .replaceAll('\0', String.raw`\00`)
    .replaceAll(/^[ #]| $/gu, String.raw`\$&`);
}
