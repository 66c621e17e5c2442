// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { LdapClient, LdapEntry } from '../../../src/connector/ldap/client.ts';
import { rangedValues } from '../../../src/connector/ldap/range.ts';
import { domain, group, groupsDn, user } from '../../simulators/ldap/domain.ts';
import { fakeDirectory, type FakeDirectory } from '../../simulators/ldap/server.ts';
import { kit } from './kit.ts';

const read = { subject: 'members', attribute: 'member' };

async function groupOf(client: LdapClient, controls: readonly 'extendedDn'[] = []): Promise<LdapEntry> {
  const base = `CN=Group 0,${groupsDn}`;
  const found = await client.one({
    subject: 'group',
    base,
    filter: '(cn=*)',
    attributes: ['member'],
    controls,
  });
  if (found === undefined) throw new Error('no group');
  return found;
}

async function all(client: LdapClient, entry: LdapEntry, more: object = {}, between = () => {}) {
  const parts: number[] = [];
  const values = new Set<string>();
  const reading = rangedValues(client, entry, { ...read, ...more });
  for (;;) {
    const { value, done } = await reading.next();
    if (done === true) return { parts, values, end: value };
    parts.push(value.length);
    for (const one of value) values.add(String(one));
    between();
  }
}

const withMembers = (members: number) =>
  fakeDirectory({ entries: domain({ users: members, groups: [members] }) });

describe('an attribute of many values', () => {
  it.each([
    [2_300, [1_500, 800]],
    [3_000, [1_500, 1_500]],
    [1_501, [1_500, 1]],
    [1_500, [1_500]],
    [0, []],
  ])('with %i values comes whole, in parts %j', async (members, expected) => {
    await using server = await withMembers(members);
    await using up = kit(server.url);
    const client = await up.connect();
    const entry = await groupOf(client);
    const { parts, values, end } = await all(client, entry);
    expect({ parts, end, found: values.size }).toEqual({ parts: expected, end: 'whole', found: members });
    expect(values).toEqual(new Set(Array.from({ length: members }, (_, index) => user(index).dn)));
    // Who does not ask further must see that something is missing, or that nothing is.
    expect(entry.values('member')).toHaveLength(members > 1_500 ? 0 : members);
    expect(entry.range('member')?.high).toBe(members > 1_500 ? 1_499 : undefined);
  });

  it('keeps the form of its values in every part', async () => {
    await using server = await withMembers(1_600);
    await using up = kit(server.url);
    const client = await up.connect();
    const controls = ['extendedDn'] as const;
    const entry = await groupOf(client, controls);
    const { values } = await all(client, entry, { controls, base: `CN=Group 0,${groupsDn}` });
    expect(values.size).toBe(1_600);
    for (const value of values) expect(value).toMatch(/^<GUID=[0-9a-f-]{36}>;CN=User/u);
  });

  it('that shrinks meanwhile ends without its end', async () => {
    await using server = await withMembers(2_300);
    await using up = kit(server.url);
    const client = await up.connect();
    const entry = await groupOf(client);
    expect(await all(client, entry, {}, () => replaceGroup(server, [user(1).dn]))).toMatchObject({
      parts: [1_500],
      end: 'cut',
    });
  });

  it('that shrinks meanwhile ends so also where the server says operationsError', async () => {
    await using server = await withMembers(2_300);
    await using up = kit(server.url);
    const client = await up.connect();
    const entry = await groupOf(client);
    server.script = ({ operation }) =>
      operation === 'search'
        ? { type: 'result', result: { code: 1, text: '000020EF: inner error' } }
        : undefined;
    expect(await all(client, entry)).toMatchObject({ parts: [1_500], end: 'cut' });
  });

  it('of an entry that goes away meanwhile says so', async () => {
    await using server = await withMembers(2_300);
    await using up = kit(server.url);
    const client = await up.connect();
    const entry = await groupOf(client);
    expect(await all(client, entry, {}, () => replaceGroup(server, undefined))).toMatchObject({
      parts: [1_500],
      end: 'gone',
    });
  });

  it('that begins elsewhere than asked is refused', async () => {
    await using server = await withMembers(2_300);
    await using up = kit(server.url);
    const client = await up.connect();
    const entry = await groupOf(client);
    server.script = ({ operation }) => {
      if (operation !== 'search') return undefined;
      const attributes = { 'member;range=0-1499': [user(1).dn] };
      return { type: 'page', entries: [{ dn: entry.dn, attributes }] };
    };
    await expect(all(client, entry)).rejects.toMatchObject({
      code: 'contract',
      message: expect.stringContaining('asked for from 1500 and came from 0'),
    });
  });
});

function replaceGroup(server: FakeDirectory, members: readonly string[] | undefined): void {
  const { entries } = server.directory;
  const index = entries.findIndex(({ dn }) => dn.startsWith('CN=Group 0,'));
  if (index !== -1) entries.splice(index, 1, ...(members === undefined ? [] : [group(0, members)]));
}
