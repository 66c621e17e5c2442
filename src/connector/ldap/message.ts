// SPDX-License-Identifier: Apache-2.0
import { contentOf, ElementCount, elementsOf, MalformedBer, numberOf, tags, type Element } from './ber.ts';

/** LDAPResult, RFC 4511 section 4.1.9. */
export interface LdapResult {
  readonly code: number;
  readonly matchedDn: string;
  /** The server's own words. */
  readonly text: string;
  readonly referrals: readonly string[];
}

export interface RawAttribute {
  /** As the server spells it, options included: `member;range=0-1499`. */
  readonly type: string;
  readonly values: readonly Buffer[];
}

export interface RawEntry {
  readonly dn: string;
  readonly attributes: readonly RawAttribute[];
}

/** What a server may send to a client that binds, starts TLS and searches. */
export type LdapMessage = { readonly id: number } & (
  | {
      readonly kind: 'bind' | 'done';
      readonly result: LdapResult;
      readonly controls: ReadonlyMap<string, Buffer>;
    }
  | { readonly kind: 'extended'; readonly result: LdapResult; readonly oid: string | undefined }
  | { readonly kind: 'entry'; readonly entry: RawEntry }
  | { readonly kind: 'reference'; readonly urls: readonly string[] }
);

const operations = { bind: 0x61, entry: 0x64, done: 0x65, reference: 0x73, extended: 0x78 } as const;
const controlsTag = 0xa0;
const referralTag = 0xa3;
const oidTag = 0x8a;

/**
 * Reads one message. Strict: every part that the protocol asks for must be there, and nothing may be cut off, since a result code that is
 * missing must not be taken for success. Throws MalformedBer and TooManyElements.
 */
export function readMessage(bytes: Buffer, counted = new ElementCount()): LdapMessage {
  const parts = (content: Buffer) => elementsOf(content, counted);
  const [message, ...more] = parts(bytes);
  const [idElement, operation, controls] = parts(contentOf(message, tags.sequence, 'message'));
  if (more.length > 0 || operation === undefined) throw new MalformedBer('a message without an operation');
  const id = numberOf(idElement, tags.integer, 'message id');
  switch (operation.tag) {
    case operations.bind:
    case operations.done: {
      const kind = operation.tag === operations.bind ? 'bind' : 'done';
      return {
        id,
        kind,
        result: resultOf(parts(operation.content), parts),
        controls: controlsOf(controls, parts),
      };
    }
    case operations.extended: {
      const given = parts(operation.content);
      const oid = given.find(({ tag }) => tag === oidTag)?.content.toString('utf8');
      return { id, kind: 'extended', result: resultOf(given, parts), oid };
    }
    case operations.entry:
      return { id, kind: 'entry', entry: entryOf(parts(operation.content), parts) };
    case operations.reference:
      return { id, kind: 'reference', urls: textsOf(operation.content, parts) };
    default:
      throw new MalformedBer(`operation 0x${operation.tag.toString(16)}`);
  }
}

type Parts = (content: Buffer) => readonly Element[];

function resultOf(given: readonly Element[], parts: Parts): LdapResult {
  const [code, matchedDn, text] = given;
  const referral = given.slice(3).find(({ tag }) => tag === referralTag);
  return {
    code: numberOf(code, tags.enumerated, 'result code'),
    matchedDn: textOf(matchedDn, 'matched DN'),
    text: textOf(text, 'diagnostic message'),
    referrals: referral === undefined ? [] : textsOf(referral.content, parts),
  };
}

function entryOf([dn, attributes]: readonly Element[], parts: Parts): RawEntry {
  return {
    dn: textOf(dn, 'DN of an entry'),
    attributes: parts(contentOf(attributes, tags.sequence, 'attributes')).map((element) => {
      const [type, values] = parts(contentOf(element, tags.sequence, 'attribute'));
      return {
        type: textOf(type, 'name of an attribute'),
        values: parts(contentOf(values, tags.set, 'values')).map((value) =>
          contentOf(value, tags.octetString, 'value'),
        ),
      };
    }),
  };
}

/** Values of response controls by OID; one without a value has an empty one. */
function controlsOf(element: Element | undefined, parts: Parts): Map<string, Buffer> {
  if (element === undefined) return new Map();
  return new Map(
    parts(contentOf(element, controlsTag, 'controls')).map((control) => {
      const [oid, ...rest] = parts(contentOf(control, tags.sequence, 'control'));
      const value = rest.find(({ tag }) => tag === tags.octetString);
      return [textOf(oid, 'OID of a control'), value?.content ?? Buffer.alloc(0)];
    }),
  );
}

function textsOf(content: Buffer, parts: Parts): string[] {
  return parts(content).map((element) => textOf(element, 'URL'));
}

function textOf(element: Element | undefined, what: string): string {
  return contentOf(element, tags.octetString, what).toString('utf8');
}

/** The cookie of a paged results control, RFC 2696: empty at the end of the search. */
export function pagedCookie(value: Buffer): Buffer {
  const [sequence] = elementsOf(value);
  const [, cookie] = elementsOf(contentOf(sequence, tags.sequence, 'paged results'));
  return contentOf(cookie, tags.octetString, 'cookie');
}
