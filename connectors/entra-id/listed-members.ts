// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import type { GroupMember } from '../../src/connector/nested-groups.ts';
import type { Graph } from './graph.ts';
import { memberKindOf } from './group-record.ts';
import { idIn, propertyOf } from './raw-row.ts';
import { textOf } from './values.ts';

/** An object as a listing of several types names it: its id, and what is told of it. */
export interface Listed {
  readonly id: string;
  /** With `@odata.type` and, where the application may read objects of that type, a name. */
  readonly object: unknown;
}

/**
 * Members, or holders of a role, with their kinds. A type that is told and that we do not know is no group. One that is not told may be: it is asked
 * for by id, since a group that is taken for a person would hide everybody in it. Throws a Failure where that does not tell it either.
 */
export async function knownMembers(
  graph: Graph,
  listed: readonly Listed[],
  what: string,
): Promise<readonly GroupMember[]> {
  const ids = listed.flatMap(({ id, object }) => (typeOf(object) === undefined ? [id] : []));
  if (ids.length === 0) return listed.map(({ id, object }) => memberIn(id, object));
  const found = new Map<string, unknown>();
  for (const object of await graph.byIds(what, ids)) {
    const id = idIn(object);
    if (id !== undefined) found.set(id, object);
  }
  return listed.map(({ id, object }) => {
    if (typeOf(object) !== undefined) return memberIn(id, object);
    const byId = found.get(id);
    if (typeOf(byId) !== undefined) return memberIn(id, byId);
    const message = `${what}: nobody tells what ${id} is, also not by its id; a group would be taken for a person. If it was deleted, take away what it holds`;
    throw new Failure('contract', message);
  });
}

function memberIn(id: string, object: unknown): GroupMember {
  const name = textOf(propertyOf(object, 'displayName'));
  return { id, name, kind: memberKindOf(typeOf(object)) };
}

function typeOf(object: unknown): string | undefined {
  return textOf(propertyOf(object, '@odata.type'));
}
