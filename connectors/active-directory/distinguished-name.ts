// SPDX-License-Identifier: Apache-2.0
import { guidBytes, guidOf } from './guid.ts';
import { isSid, sidOf } from './sid.ts';

/** One part of a DN, decoded; of one with several values (`CN=a+OU=b`) the first. */
export interface Rdn {
  readonly type: string;
  readonly value: string;
}

/** The parts of a DN, lowest first (RFC 4514); undefined when it is none. An empty DN has none. */
export function parseDn(dn: string): readonly Rdn[] | undefined {
  if (dn === '') return [];
  const rdns: Rdn[] = [];
  for (const part of splitUnescaped(dn, ',')) {
    const [first = ''] = splitUnescaped(part, '+');
    const at = first.indexOf('=');
    const type = first.slice(0, Math.max(0, at)).trim();
    const value = unescaped(trimmed(first.slice(at + 1)));
    if (!/^(?:[a-z][a-z0-9-]*|\d+(?:\.\d+)*)$/iu.test(type) || value === undefined) return undefined;
    rdns.push({ type, value });
  }
  return rdns;
}

function splitUnescaped(text: string, separator: string): string[] {
  const parts: string[] = [];
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === separator) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

/** Spaces around a value mean nothing, but for one that is escaped at its end. */
function trimmed(value: string): string {
  const start = value.replace(/^ +/u, '');
  const end = start.replace(/ +$/u, '');
  return end.length < start.length && /(?:^|[^\\])(?:\\\\)*\\$/u.test(end) ? `${end} ` : end;
}

/** Undefined when an escape is none. Pairs of digits are bytes of UTF-8. */
function unescaped(value: string): string | undefined {
  const bytes: Buffer[] = [];
  for (let at = 0; at < value.length;) {
    if (value[at] !== '\\') {
      const next = value.indexOf('\\', at);
      const until = next === -1 ? value.length : next;
      bytes.push(Buffer.from(value.slice(at, until), 'utf8'));
      at = until;
      continue;
    }
    const pair = /^[0-9a-f]{2}/iu.exec(value.slice(at + 1, at + 3))?.[0];
    const plain = value[at + 1];
    if (pair !== undefined) bytes.push(Buffer.from(pair, 'hex'));
    else if (plain !== undefined && /[ "#+,;<=>\\]/u.test(plain)) bytes.push(Buffer.from(plain));
    else return undefined;
    at += pair === undefined ? 2 : 3;
  }
  return Buffer.concat(bytes).toString('utf8');
}

/** A form in which equal DNs are equal texts: neither case nor the way of escaping counts. What is no DN is compared as text. */
export function dnKey(dn: string): string {
  const rdns = parseDn(dn);
  if (rdns === undefined) return dn.toLowerCase();
  return rdns.map(keyOf).join(',');
}

function keyOf({ type, value }: Rdn): string {
  const folded = value.normalize('NFC').toLowerCase().replaceAll(/ +/gu, ' ');
  return `${type.toLowerCase()}=${folded.replaceAll('\\', '\\5c').replaceAll(',', '\\2c')}`;
}

/** Whether an object stands at or below a base. */
export function isWithin(dn: string, base: string): boolean {
  const below = dnKey(dn);
  const above = dnKey(base);
  return above === '' || below === above || below.endsWith(`,${above}`);
}

/**
 * Whether an object is of a domain, and not of another one below it: `DC=child,DC=corp` is no part of `DC=corp`, though its DN ends so. What is no DN
 * counts as of the domain.
 */
export function isOfDomain(dn: string, domain: string): boolean {
  const rdns = parseDn(dn);
  if (rdns === undefined) return true;
  const above = rdns.findLastIndex(({ type }) => type.toLowerCase() !== 'dc');
  return (
    rdns
      .slice(above + 1)
      .map(keyOf)
      .join(',') === dnKey(domain)
  );
}

/** The id in the name of a deleted object (`CN=name\0ADEL:id,...`); undefined for one that is not deleted. */
export function deletedId(dn: string): string | undefined {
  const name = parseDn(dn)?.[0]?.value;
  const id = /\nDEL:([0-9a-f-]{36})$/iu.exec(name ?? '')?.[1]?.toLowerCase();
  return id !== undefined && guidBytes(id) !== undefined ? id : undefined;
}

/** A DN with what the extended-DN control puts before it ([MS-ADTS] 3.1.1.3.4.1.5). */
export interface ExtendedDn {
  readonly dn: string;
  /** Lower case. */
  readonly guid: string | undefined;
  /** Text form; objects without one, as contacts, have none. */
  readonly sid: string | undefined;
}

const component = /^<(GUID|SID)=([^>]*)>;/u;

/** Takes both forms of the control (ids as text, or the bytes in hexadecimal) and a plain DN. */
export function parseExtendedDn(text: string): ExtendedDn {
  let rest = text;
  let guid: string | undefined;
  let sid: string | undefined;
  for (let found = component.exec(rest); found !== null; found = component.exec(rest)) {
    const [whole, kind, value = ''] = found;
    if (kind === 'GUID') guid = guidFrom(value);
    else sid = isSid(value) ? value : sidOf(hexadecimal(value));
    rest = rest.slice(whole.length);
  }
  return { dn: rest, guid, sid };
}

function guidFrom(value: string): string | undefined {
  return guidBytes(value) === undefined ? guidOf(hexadecimal(value)) : value.toLowerCase();
}

function hexadecimal(text: string): Buffer {
  return /^(?:[0-9a-f]{2})+$/iu.test(text) ? Buffer.from(text, 'hex') : Buffer.alloc(0);
}
