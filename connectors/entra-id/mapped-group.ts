// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { PlacedRoleMapping } from '../../src/api/role-mappings.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { Named } from '../../src/connector/nested-groups.ts';
import type { RoleMember } from '../../src/connector/role-reading.ts';
import { unlessRefused } from './answers.ts';
import { membersOf } from './group-members.ts';
import type { Session } from './session.ts';
import { isGranted } from './token-roles.ts';
import { idOf, textOf } from './values.ts';

const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/iu;
const Text = Type.Optional(Type.Union([Type.String(), Type.Null()]));
const Group = Type.Object({ id: Type.String({ minLength: 1 }), displayName: Text, visibility: Text });
const groupCheck = Compile(Group);
const select = { $select: 'id,displayName,visibility' } as const;
const needs = '(needs GroupMember.Read.All)';
const hiddenPermission = 'Member.Read.Hidden';

export function isGuid(text: string): boolean {
  return guid.test(text);
}

/** The group that a mapping names, by its id or its display name, which several groups may have. Throws a Failure. */
export function findGroup({ graph }: Session, { named, field }: PlacedRoleMapping): Promise<Named> {
  return isGuid(named) ? groupById() : groupByName();

  async function groupById(): Promise<Named> {
    const request = {
      subject: `group ${named} ${needs}`,
      path: `groups/${named.toLowerCase()}`,
      query: select,
    };
    try {
      return namedGroup(await graph.one(request, groupCheck));
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'configuration') throw error;
      const message = `${field}: the tenant has no group ${named}; give the object id of a group, or take the mapping out`;
      throw new Failure('configuration', message, { cause: error });
    }
  }

  async function groupByName(): Promise<Named> {
    const found: Named[] = [];
    const request = {
      subject: `groups named ${named} ${needs}`,
      path: 'groups',
      query: { ...select, $filter: `displayName eq '${named.replaceAll("'", "''")}'`, $top: '100' },
    };
    for await (const page of graph.pages(request)) {
      for (const row of page) {
        if (!groupCheck.Check(row))
          throw new Failure('contract', `groups named ${named}: a group has no readable id`);
        found.push(namedGroup(row));
      }
    }
    const [first, ...others] = found;
    if (first === undefined) {
      const message = `${field}: the tenant has no group named ${named}; give the display name or the object id of a group, or take the mapping out`;
      throw new Failure('configuration', message);
    }
    if (others.length === 0) return first;
    const some = found.slice(0, 3).map(({ id }) => id);
    const more = found.length > some.length ? ', …' : '';
    const message = `${field}: ${found.length} groups are named ${named} (${some.join(', ')}${more}); give the object id of the one that is meant`;
    throw new Failure('configuration', message);
  }
}

function namedGroup({
  id,
  displayName,
}: {
  readonly id: string;
  readonly displayName?: string | null;
}): Named {
  return { id: id.toLowerCase(), name: textOf(displayName) };
}

/**
 * Direct members for the walk. One whose membership is hidden looks empty to whoever lacks the right: such a group is a permission Failure.
 */
export async function* shownMembersOf(
  session: Session,
  group: Named,
): AsyncGenerator<readonly RoleMember[], void, void> {
  let isEmpty = true;
  for await (const page of membersOf(session.graph, group)) {
    isEmpty &&= page.length === 0;
    yield page;
  }
  if (isEmpty) await checkNotHidden(session, group);
}

async function checkNotHidden({ graph, roles }: Session, { id, name }: Named): Promise<void> {
  if (roles !== undefined && isGranted(roles, hiddenPermission)) return;
  const subject = `group ${name ?? id} ${needs}`;
  const { visibility } = await graph.one({ subject, path: `groups/${id}`, query: select }, groupCheck);
  if (visibility !== 'HiddenMembership') return;
  const message = `group ${name ?? id} hides its members, and none was given; grant ${hiddenPermission} with admin consent. Nothing is taken as deleted`;
  throw new Failure('permission', message);
}

/**
 * Whether nobody is in these groups by another index than that of the listings, which lags behind. Users only: it would count service
 * principals too, which listings do not give.
 */
export async function isEmptyByCount({ graph }: Session, groups: readonly Named[]): Promise<boolean> {
  for (const { id, name } of groups) {
    const path = `groups/${idOf(id) ?? id}/transitiveMembers/microsoft.graph.user`;
    const count = await unlessRefused(() =>
      graph.count({ subject: `members of group ${name ?? id} ${needs}`, path }),
    );
    if (count !== 0) return false;
  }
  return true;
}
