// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import type { LdapEntry } from '../../src/connector/ldap/client.ts';
import { anyOf, equals } from '../../src/connector/ldap/filter.ts';
import { parseExtendedDn } from './distinguished-name.ts';
import { groupAt, groupIdOf } from './members.ts';
import type { ScopeEvent } from './scope.ts';
import type { Session } from './session.ts';

/**
 * Of groups that listed nobody those that hide their list: it looks like an empty one, and those who are in it name the group all the same. Asked in one
 * question for all of them (some tens at most), and again for each half only where somebody does. Members of other domains name no group of this one, so a list of
 * them alone cannot be told from an empty one. Throws a Failure.
 */
export async function hiddenAmong(
  session: Session,
  groups: readonly LdapEntry[],
): Promise<readonly LdapEntry[]> {
  const [first] = groups;
  if (first === undefined || !(await isNamed(session, groups))) return [];
  if (groups.length === 1) return (await listsNone(session, first)) ? groups : [];
  const half = groups.length >> 1;
  return [
    ...(await hiddenAmong(session, groups.slice(0, half))),
    ...(await hiddenAmong(session, groups.slice(half))),
  ];
}

/** Whether anybody in the domain tells that he is in one of the groups. */
async function isNamed({ lookups, domain }: Session, groups: readonly LdapEntry[]): Promise<boolean> {
  const names = groups.map(({ dn }) => parseExtendedDn(dn).dn);
  const more = names.length > 1 ? ` or of ${names.length - 1} other groups` : '';
  const search = {
    subject: `objects that tell of themselves that they are members of ${names[0] ?? ''}${more}`,
    base: domain.dn,
    scope: 'sub',
    filter: anyOf(...names.map((name) => equals('memberOf', name))),
    attributes: ['objectGUID'],
    controls: ['domainScope'],
  } as const;
  for await (const { entries } of lookups.pages(search)) if (entries.length > 0) return true;
  return false;
}

/** Asked once more: the first member may have come meanwhile. */
async function listsNone({ client }: Session, group: LdapEntry): Promise<boolean> {
  const { id } = groupIdOf(group);
  const now = await groupAt(client, `<GUID=${id}>`, parseExtendedDn(group.dn).dn);
  return now === undefined || (now.values('member').length === 0 && now.range('member') === undefined);
}

export function hiddenFailure(group: string, others = 0): Failure {
  const which =
    others === 0
      ? `${group}: the list of the group shows none, and objects name it`
      : `${group} and of ${others} more groups: the lists show none, and objects name them`;
  return new Failure(
    'permission',
    `members of ${which} as theirs; let the account read member of groups. Nothing is taken as deleted`,
  );
}

/** The hidden lists of one scope: other groups are handed on, and the end is not believed. */
export class HiddenLists {
  private readonly session: Session;
  private readonly found: string[] = [];

  constructor(session: Session) {
    this.session = session;
  }

  /** Those of groups that listed nobody which truly have no members. */
  async without(groups: readonly LdapEntry[]): Promise<readonly LdapEntry[]> {
    const hidden = await hiddenAmong(this.session, groups);
    this.found.push(...hidden.map(({ dn }) => parseExtendedDn(dn).dn));
    return groups.filter((group) => !hidden.includes(group));
  }

  judged(event: ScopeEvent): ScopeEvent {
    const [first, ...others] = this.found;
    if (first === undefined || event.type !== 'end') return event;
    const { scope, evidence } = event;
    return { type: 'unverified', scope, failure: hiddenFailure(first, others.length), evidence };
  }
}
