// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { guidOf } from '../../../connectors/active-directory/guid.ts';
import { guidBytes } from '../../simulators/ldap/domain.ts';
import {
  atSecond,
  FakeDomain,
  groupOf,
  person,
  secondRoot,
  upTo,
  type ControllerState,
} from './fake-domain.ts';

const roles = { roleMappings: [{ group: 'Group 1', role: 'admin' }] };
const hourMs = 3_600_000;
const removed = person(3);

/** Another controller, to which users 10 to 19 and their membership have not come yet, and where user 3 was deleted before. */
let domain: FakeDomain;
let lagging: ControllerState;
let caughtUp: ControllerState;

beforeEach(async () => {
  domain = await FakeDomain.start([...upTo(10).map((number) => person(number)), groupOf(1, upTo(10))]);
  const before = domain.state.entries;
  domain.put(...upTo(20).map((number) => person(number)), groupOf(1, upTo(20), 70_000));
  const after = domain.state.entries;
  /** There his membership went with him. */
  const without = (entries: ControllerState['entries'], left: ControllerState['entries'][number]) =>
    atSecond([...entries.filter(({ dn }) => dn !== removed.dn && dn !== left.dn), left]);
  const staying = (count: number) => upTo(count).filter((number) => number !== 3);
  lagging = { entries: without(before, groupOf(1, staying(10))), root: secondRoot() };
  caughtUp = { entries: without(after, groupOf(1, staying(20), 90_010)), root: secondRoot(90_020) };
  await domain.sync(roles);
  expect(counts()).toEqual({ users: 20, members: 20, roles: 20 });
});
afterEach(() => domain[Symbol.asyncDispose]());

function counts() {
  const sql = 'SELECT count(*) AS n FROM role_assignments WHERE deleted_at IS NULL';
  return {
    users: domain.inventory.live('users').length,
    members: domain.listed(1),
    roles: domain.inventory.rows(sql)[0]?.['n'],
  };
}

const idOf = (number: number) => guidOf(guidBytes(1, number)) ?? '';

describe('another controller answers than before', { timeout: 60_000 }, () => {
  test.each([
    ['an incremental run', []],
    ['a full run', ['--mode', 'Full']],
  ])(
    '%s deletes nothing that may not have come there yet, and says what waits until when',
    async (_what, args) => {
      domain.become(lagging);
      const { status } = await domain.sync(roles, ...args);
      expect(status.phase).toBe('Succeeded');
      expect(counts()).toEqual({ users: 20, members: 20, roles: 20 });
      for (const { evidence, deleted } of status.streams?.filter(({ name }) => name !== 'computers') ?? []) {
        expect(deleted).toBe(0);
        expect(evidence).toMatchObject({
          scopesUnproven: expect.any(Number),
          unproven: expect.stringMatching(
            /^dc2\S+ is read since 20\S+Z, another controller before; it may lag behind/u,
          ),
        });
      }
    },
  );

  test('urls that name it only are no other matter, although the configuration is another one', async () => {
    domain.become(lagging);
    domain.urls = [`${domain.server.url.href}/`.replace('127.0.0.1', 'localhost')];
    const { status, counts: ofRun } = await domain.sync(roles);
    expect([status.phase, ofRun['users']?.[0]]).toEqual(['Succeeded', 'Full']);
    expect(counts()).toEqual({ users: 20, members: 20, roles: 20 });
  });

  test('a list that changes there while it lags takes nobody out', async () => {
    domain.become(lagging);
    await domain.sync(roles);
    domain.put(groupOf(1, [0, 1, 2], 90_001));
    domain.server.root = secondRoot(90_001);
    const { counts: ofRun } = await domain.sync(roles);
    expect(ofRun['memberships']?.at(-1)).toBe(0);
    expect(domain.listed(1)).toBe(20);
  });

  test('for good: once it has caught up, the next full run finds what is gone, and the runs until then say so', async () => {
    domain.become(lagging);
    await domain.sync(roles);
    domain.become(caughtUp);
    domain.server.clockOffsetMs = 2 * hourMs;
    await domain.full(roles);
    expect(counts()).toEqual({ users: 20, members: 20, roles: 20 });
    domain.server.clockOffsetMs = 4 * hourMs;
    const between = await domain.sync(roles);
    expect(between.stream('users').evidence?.unproven).toMatch(
      /what was deleted until then waits for the next full run/u,
    );
    expect(counts()).toMatchObject({ users: 20, members: 20, roles: 19 });
    const { status } = await domain.full(roles);
    expect(status.streams?.map(({ evidence }) => evidence?.unproven)).toEqual(
      status.streams?.map(() => undefined),
    );
    expect(counts()).toEqual({ users: 19, members: 19, roles: 19 });
    expect(domain.inventory.live('users')).not.toContain(idOf(3));
    expect(domain.inventory.live('users')).toContain(idOf(19));
  });

  test('what it states as deleted itself goes at once, however it lags', async () => {
    domain.become(lagging);
    await domain.sync(roles);
    const { dn, attributes } = person(5, { isDeleted: 'TRUE', uSNChanged: '90001' });
    domain.remove(dn);
    const container = domain.state.entries.find((one) => one.dn.startsWith('CN=Deleted Objects'));
    domain.put(
      { dn: container?.dn ?? '', attributes: { ...container?.attributes, isDeleted: 'TRUE' } },
      { dn: `CN=User 5\\0ADEL:x,${container?.dn}`, attributes },
    );
    domain.server.root = secondRoot(90_001);
    await domain.sync(roles);
    expect(domain.inventory.live('users')).not.toContain(idOf(5));
    expect(domain.inventory.live('users')).toHaveLength(19);
  });
});
