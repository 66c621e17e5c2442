// SPDX-License-Identifier: Apache-2.0
import { anyOf, equals } from '../../src/connector/ldap/filter.ts';
import type { Session } from './session.ts';

/**
 * The attributes that a mapping asks for and the schema of the forest does not know: asking for them gives nothing, without an error. None
 * where the schema cannot be read.
 */
export async function unknownAttributes(session: Session, stream: string): Promise<readonly string[]> {
  const asked = [...session.mappedAttributes(stream)];
  const { client, schemaDn } = session;
  if (asked.length === 0 || schemaDn === undefined) return [];
  const search = {
    subject: `attributes of the schema ${schemaDn}`,
    base: schemaDn,
    scope: 'sub',
    filter: anyOf(...[...asked, 'objectGUID'].map((name) => equals('lDAPDisplayName', name))),
    attributes: ['lDAPDisplayName'],
    controls: ['domainScope'],
  } as const;
  const known = new Set<string>();
  for await (const { entries } of client.pages(search)) {
    for (const entry of entries) known.add((entry.text('lDAPDisplayName') ?? '').toLowerCase());
  }
  // Every schema has it: who does not see it sees no schema.
  if (!known.has('objectguid')) return [];
  return asked.filter((name) => !known.has(name));
}
