// SPDX-License-Identifier: Apache-2.0
import type { Ldb } from '../../kit/samba/ldb.ts';
import { baseDN, domainSid } from '../../kit/samba/settings.ts';

/** What stands in the domain, as Samba's own tools read it from its files: nothing of the connector has a part in it. */
export interface Expected {
  readonly users: readonly string[];
  readonly groups: readonly string[];
  readonly devices: readonly string[];
  readonly memberships: readonly string[];
}

export async function expectedOf(ldb: Ldb, base = baseDN): Promise<Expected> {
  const ids = async (filter: string) =>
    (await ldb.search(base, filter, ['objectGUID'])).map((entry) => one(entry, 'objectguid')).toSorted();
  const groups = await ldb.search(
    base,
    '(objectClass=group)',
    ['objectGUID', 'objectSid', 'member'],
    ['--extended-dn'],
  );
  const accounts = await ldb.search(base, '(&(objectClass=user)(primaryGroupID=*))', [
    'objectGUID',
    'primaryGroupID',
  ]);
  const bySid = new Map(groups.map((group) => [group.get('objectsid')?.[0], one(group, 'objectguid')]));
  const listed = groups.flatMap((group) =>
    (group.get('member') ?? []).map((member) => `${one(group, 'objectguid')}/${memberId(member)}`),
  );
  const primary = accounts.flatMap((account) => {
    const group = bySid.get(`${domainSid}-${one(account, 'primarygroupid')}`);
    return group === undefined ? [] : [`${group}/${one(account, 'objectguid')}`];
  });
  return {
    users: await ids('(&(objectClass=user)(!(objectClass=computer)))'),
    groups: groups.map((group) => one(group, 'objectguid')).toSorted(),
    devices: await ids('(objectClass=computer)'),
    memberships: [...listed, ...primary].toSorted(),
  };
}

/** Samba's own form of a name with ids. */
function memberId(member: string): string {
  const foreign = /CN=(S-1-[0-9-]+),CN=ForeignSecurityPrincipals,/u.exec(member)?.[1];
  const guid = /<GUID=([0-9a-f-]{36})>/u.exec(member)?.[1];
  if (foreign === undefined && guid === undefined) throw new Error(`no id in ${member}`);
  return foreign ?? guid ?? '';
}

function one(entry: ReadonlyMap<string, readonly string[]>, name: string): string {
  const value = entry.get(name)?.[0];
  if (value === undefined) throw new Error(`no ${name} in ${String(entry.get('dn')?.[0])}`);
  return value;
}
