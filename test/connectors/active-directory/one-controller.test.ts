// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { Asked, Behaviour } from '../../simulators/ldap/behaviour.ts';
import { domainRoot, guidBytes } from '../../simulators/ldap/domain.ts';
import {
  atSecond,
  FakeDomain,
  firstUsn,
  groupOf,
  person,
  secondRoot,
  upTo,
  type ControllerState,
} from './fake-domain.ts';

const reset: Behaviour = { type: 'reset', afterBytes: 0 };

const isOfMembers = ({ operation, request }: Asked) =>
  operation === 'search' && /"member"/u.test(JSON.stringify(request)) && /usnchanged/iu.test(textOf(request));

/** Filters are bytes; this is enough to look for names in them. */
function textOf(request: Asked['request']): string {
  return JSON.stringify(request, (_key, value: unknown) =>
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    value.type === 'Buffer' &&
    'data' in value
      ? Buffer.from(value.data as number[]).toString('latin1')
      : value,
  );
}

/** Twelve members in a group that is met late by one controller, and early by the other. */
async function domainOfTwelve(): Promise<FakeDomain> {
  return FakeDomain.start([...upTo(20).map((number) => person(number)), groupOf(1, upTo(12), 60_000)]);
}

/** The second controller as it has the group before the place that is reached: a reading that goes on there never meets it. */
function second(domain: FakeDomain): ControllerState {
  const { entries } = domain.state;
  const early = groupOf(1, upTo(12), 9);
  return { entries: atSecond(entries.map((one) => (one.dn === early.dn ? early : one))), root: secondRoot() };
}

function rebuilt(state: ControllerState): ControllerState {
  const entries = state.entries.map(({ dn, attributes }) =>
    dn.startsWith('CN=NTDS Settings')
      ? { dn, attributes: { ...attributes, invocationId: guidBytes(9, 7) } }
      : { dn, attributes },
  );
  return { ...state, entries };
}

describe('all of a run is read from one controller', { timeout: 60_000 }, () => {
  test('one that answers in between is asked nothing but who it is, and the reading goes on at the first', async () => {
    await using domain = await domainOfTwelve();
    await domain.sync();
    const first = domain.state;
    const other = second(domain);
    let met = 0;
    let bindsAtOther = 0;
    let on: 'first' | 'other' = 'first';
    const askedOfOther: string[] = [];
    domain.server.script = (asked) => {
      if (on === 'other') {
        if (asked.operation === 'bind' && ++bindsAtOther === 2) {
          on = 'first';
          domain.become(first);
          return undefined;
        }
        askedOfOther.push(
          asked.operation === 'search' ? asked.request.operation + textOf(asked.request) : 'bind',
        );
        return undefined;
      }
      if (!isOfMembers(asked) || ++met !== 2) return undefined;
      on = 'other';
      domain.become(other);
      return reset;
    };
    const { status, counts } = await domain.full({ limits: { maxRetries: 3, requestsPerSecond: 1000 } });
    expect(bindsAtOther).toBe(2);
    expect(status.phase).toBe('Succeeded');
    expect(counts['memberships']?.at(-1)).toBe(0);
    expect(domain.listed(1)).toBe(12);
    expect(askedOfOther.join('\n')).not.toMatch(/member|displayname/iu);
    expect(askedOfOther).toHaveLength(3);
  });

  test('one that stays ends the run, with the remedy, and nothing is taken as deleted', async () => {
    await using domain = await domainOfTwelve();
    await domain.sync();
    const other = second(domain);
    domain.server.script = (asked) => {
      if (!isOfMembers(asked)) return undefined;
      domain.server.script = () => undefined;
      domain.become({ ...other, entries: other.entries.filter(({ dn }) => dn !== groupOf(1, []).dn) });
      return reset;
    };
    const { status } = await domain.full({ limits: { maxRetries: 1, requestsPerSecond: 1000 } });
    expect(status.failure).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/dc1.*read first and dc2.*name one controller/u),
    });
    expect(status.streams?.find(({ name }) => name === 'memberships')).toMatchObject({
      complete: false,
      deleted: 0,
    });
    expect(domain.listed(1)).toBe(12);
  });

  test.each([
    [
      'was restored with another invocationId',
      rebuilt,
      /dc1\S* was rebuilt or restored while it was read \(another invocationId\)/u,
    ],
    [
      'counts fewer changes than before, as after a snapshot',
      (state: ControllerState): ControllerState => ({ ...state, root: domainRoot(firstUsn - 1) }),
      /dc1\S* was restored while it was read \(it counts 399999 changes, and counted 400000 before\)/u,
    ],
  ])('one that %s meanwhile is not read on', async (_what, restored, words) => {
    await using domain = await domainOfTwelve();
    domain.server.script = (asked) => {
      if (!isOfMembers(asked)) return undefined;
      domain.server.script = () => undefined;
      domain.become(restored(domain.state));
      return reset;
    };
    const { status } = await domain.sync({ limits: { maxRetries: 1, requestsPerSecond: 1000 } });
    expect(status.failure).toMatchObject({ code: 'unavailable', message: expect.stringMatching(words) });
  });

  test.each([
    ['another controller', (domain: FakeDomain) => second(domain)],
    ['the same one with another database', (domain: FakeDomain) => rebuilt(domain.state)],
  ])(
    'a first reading that was broken off is not gone on with at %s: its places mean nothing there',
    async (_what, next) => {
      await using domain = await FakeDomain.start(
        upTo(600).map((number) => person(number, { uSNChanged: String(1_000 + number * 100) })),
      );
      const spec = { limits: { maxRetries: 0, pageSize: 10, requestsPerSecond: 1000 } };
      let pages = 0;
      domain.server.script = (asked) =>
        asked.operation === 'search' &&
        /"lastlogontimestamp"/u.test(JSON.stringify(asked.request)) &&
        ++pages === 55
          ? { type: 'result', result: { code: 52, text: '' } }
          : undefined;
      const first = await domain.sync(spec);
      expect(first.status.failure?.code).toBe('unavailable');
      const read = domain.inventory.live('users').length;
      // In the second window of changes, behind 50,000.
      expect(read).toBeGreaterThan(500);
      expect(read).toBeLessThan(600);
      domain.server.script = () => undefined;
      const { entries, root } = next(domain);
      // Of the first page there, by its own numbers.
      domain.become({ entries: [...entries, person(900, { uSNChanged: '1' })], root });
      const { status } = await domain.sync(spec);
      expect(status.phase).toBe('Succeeded');
      expect(domain.inventory.live('users')).toHaveLength(601);
    },
  );

  test('a lost connection to the same controller is nothing: the reading goes on', async () => {
    await using domain = await domainOfTwelve();
    domain.server.script = (asked) => {
      if (!isOfMembers(asked)) return undefined;
      domain.server.script = () => undefined;
      domain.server.root = domainRoot(firstUsn + 5);
      return reset;
    };
    const { status } = await domain.sync({ limits: { maxRetries: 1, requestsPerSecond: 1000 } });
    expect(status.phase).toBe('Succeeded');
    expect(domain.listed(1)).toBe(12);
  });

  test('who has which role is not read from another one either', async () => {
    await using domain = await domainOfTwelve();
    const roles = {
      roleMappings: [{ group: 'Group 1', role: 'admin' }],
      limits: { maxRetries: 1, requestsPerSecond: 1000 },
    };
    const first = await domain.sync(roles);
    expect(first.counts['roleAssignments']?.[2]).toBe(12);
    domain.server.script = ({ operation, request }) => {
      if (operation !== 'search' || request.operation !== 'search' || !request.base.startsWith('<GUID='))
        return undefined;
      domain.server.script = () => undefined;
      const { entries } = second(domain);
      const fewer = groupOf(1, [0]);
      domain.become({
        entries: entries.map((one) => (one.dn === fewer.dn ? fewer : one)),
        root: secondRoot(),
      });
      return reset;
    };
    const { status } = await domain.sync(roles);
    expect(status.failure?.code).toBe('unavailable');
    const left = 'SELECT count(*) AS n FROM role_assignments WHERE deleted_at IS NULL';
    expect(domain.inventory.rows(left)).toEqual([{ n: 12 }]);
  });
});
