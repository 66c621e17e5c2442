// SPDX-License-Identifier: Apache-2.0
import { BerWriter } from 'ldapts';
import { contentOf, elementsOf, numberOf, tags, type Element } from '../../../src/connector/ldap/ber.ts';

export type Value = string | Buffer;

/** What a client may ask of the fake directory, read from its bytes. */
export type Request = { readonly id: number } & (
  | { readonly operation: 'bind'; readonly name: string; readonly password: string }
  | { readonly operation: 'startTls' | 'unbind' | 'other' }
  | {
      readonly operation: 'search';
      readonly base: string;
      readonly scope: 0 | 1 | 2;
      readonly filter: Element;
      readonly attributes: readonly string[];
      readonly sizeLimit: number;
      readonly timeLimit: number;
      /** By OID; a control without a value has an empty one. */
      readonly controls: ReadonlyMap<string, Buffer>;
      /** Of the paged results control. */
      readonly pageSize: number | undefined;
      readonly cookie: Buffer;
    }
);
export type SearchRequest = Extract<Request, { operation: 'search' }>;

export interface Result {
  readonly code: number;
  readonly matchedDn?: string;
  readonly text?: string;
  readonly referrals?: readonly string[];
}

export const pagedOid = '1.2.840.113556.1.4.319';
const startTlsOid = '1.3.6.1.4.1.1466.20037';

export function readRequest(bytes: Buffer): Request {
  const [message] = elementsOf(bytes);
  const [idElement, operation, controlList] = elementsOf(contentOf(message, tags.sequence, 'message'));
  const id = numberOf(idElement, tags.integer, 'message id');
  switch (operation?.tag) {
    case 0x60: {
      const [, name, password] = elementsOf(operation.content);
      return { id, operation: 'bind', name: textOf(name), password: textOf(password) };
    }
    case 0x63:
      return { id, ...searchOf(elementsOf(operation.content), controlsOf(controlList)) };
    case 0x77: {
      const [oid] = elementsOf(operation.content);
      return { id, operation: textOf(oid) === startTlsOid ? 'startTls' : 'other' };
    }
    default:
      return { id, operation: operation?.tag === 0x42 ? 'unbind' : 'other' };
  }
}

function searchOf(
  [base, scope, , sizeLimit, timeLimit, , filter, attributes]: readonly Element[],
  controls: ReadonlyMap<string, Buffer>,
): Omit<SearchRequest, 'id'> {
  if (filter === undefined) throw new Error('a search without a filter');
  const paged = controls.get(pagedOid);
  const [size, cookie] =
    paged === undefined ? [] : elementsOf(elementsOf(paged)[0]?.content ?? Buffer.alloc(0));
  return {
    operation: 'search',
    base: textOf(base),
    scope: numberOf(scope, tags.enumerated, 'scope') as 0 | 1 | 2,
    filter,
    attributes: elementsOf(attributes?.content ?? Buffer.alloc(0)).map(textOf),
    sizeLimit: numberOf(sizeLimit, tags.integer, 'size limit'),
    timeLimit: numberOf(timeLimit, tags.integer, 'time limit'),
    controls,
    pageSize: size === undefined ? undefined : numberOf(size, tags.integer, 'page size'),
    cookie: cookie?.content ?? Buffer.alloc(0),
  };
}

function controlsOf(list: Element | undefined): Map<string, Buffer> {
  const controls = elementsOf(list?.content ?? Buffer.alloc(0)).map((control): [string, Buffer] => {
    const [oid, ...rest] = elementsOf(control.content);
    return [textOf(oid), rest.find(({ tag }) => tag === tags.octetString)?.content ?? Buffer.alloc(0)];
  });
  return new Map(controls);
}

function textOf(element: Element | undefined): string {
  return element?.content.toString('utf8') ?? '';
}

const resultTags = { bind: 0x61, search: 0x65, extended: 0x78 } as const;

/** One message; what `write` writes is its operation. */
function message(id: number, write: (writer: BerWriter) => void): Buffer {
  const writer = new BerWriter();
  writer.startSequence();
  writer.writeInt(id);
  write(writer);
  writer.endSequence();
  return Buffer.from(writer.buffer);
}

export function resultMessage(
  id: number,
  kind: keyof typeof resultTags,
  { code, matchedDn = '', text = '', referrals = [] }: Result,
  options: { readonly cookie?: Buffer | undefined; readonly oid?: string } = {},
): Buffer {
  return message(id, (writer) => {
    writer.startSequence(resultTags[kind]);
    writer.writeEnumeration(code);
    writer.writeString(matchedDn);
    writer.writeString(text);
    if (referrals.length > 0) {
      writer.startSequence(0xa3);
      for (const url of referrals) writer.writeString(url);
      writer.endSequence();
    }
    if (options.oid !== undefined) writer.writeString(options.oid, 0x8a);
    writer.endSequence();
    if (options.cookie !== undefined) writePaged(writer, options.cookie);
  });
}

function writePaged(writer: BerWriter, cookie: Buffer): void {
  const value = new BerWriter();
  value.startSequence();
  value.writeInt(0);
  value.writeBuffer(cookie, 0x04);
  value.endSequence();
  writer.startSequence(0xa0);
  writer.startSequence();
  writer.writeString(pagedOid);
  writer.writeBuffer(Buffer.from(value.buffer), 0x04);
  writer.endSequence();
  writer.endSequence();
}

export function entryMessage(
  id: number,
  dn: string,
  attributes: ReadonlyMap<string, readonly Value[]>,
): Buffer {
  return message(id, (writer) => {
    writer.startSequence(0x64);
    writer.writeString(dn);
    writer.startSequence();
    for (const [name, values] of attributes) {
      writer.startSequence();
      writer.writeString(name);
      writer.startSequence(0x31);
      for (const value of values) writer.writeBuffer(Buffer.from(value as string), 0x04);
      writer.endSequence();
      writer.endSequence();
    }
    writer.endSequence();
    writer.endSequence();
  });
}

export function referenceMessage(id: number, urls: readonly string[]): Buffer {
  return message(id, (writer) => {
    writer.startSequence(0x73);
    for (const url of urls) writer.writeString(url);
    writer.endSequence();
  });
}
