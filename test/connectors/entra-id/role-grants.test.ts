// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { denied, instead, rewritten } from '../../simulators/graph/faults.ts';
import { graphError } from '../../simulators/graph/reply.ts';
import type { GraphAsked } from '../../simulators/graph/world.ts';
import type { EntraBench } from './bench.ts';
import { globalReader, openRoles, otherStreams, rolesOf } from './role-bench.ts';

let bench: EntraBench;
beforeEach(async () => {
  bench = await openRoles();
  map({ role: 'auditor', directoryRole: globalReader });
});
afterEach(() => bench[Symbol.asyncDispose]());
const roles = rolesOf(() => bench);
const { map, user, group, assign, schedule, makeEligible, live, column, scopes } = roles;

const idOf = (who: string, rest: string) => `auditor/${globalReader}/${who}/${rest}`;
const times = (id: string) => [column('starts_at', id), column('ends_at', id)];
const attributesOf = (id: string) => JSON.parse(String(column('attributes', id))) as unknown;

describe('where a role is held', () => {
  test('by a part that only an application knows, is not the whole tenant', async () => {
    const [ana, bob, cid] = [user('Ana'), user('Bob'), user('Cid')];
    assign(globalReader, ana, { directoryScopeId: null, appScopeId: '/AccessPackageCatalog/one' });
    assign(globalReader, bob, { directoryScopeId: null, appScopeId: '/' });
    assign(globalReader, cid, { appScopeId: null });
    makeEligible(globalReader, ana, { directoryScopeId: null, appScopeId: '/AccessPackageCatalog/one' });
    expect((await bench.run()).phase).toBe('Succeeded');
    const ids = [
      idOf(ana, 'active/appScope/AccessPackageCatalog/one'),
      idOf(ana, 'eligible/appScope/AccessPackageCatalog/one'),
      idOf(bob, 'active/appScope/'),
      idOf(cid, 'active'),
    ];
    expect(live()).toEqual(ids.toSorted());
    expect(ids.map((id) => column('scope', id))).toEqual([
      '/appScope/AccessPackageCatalog/one',
      '/appScope/AccessPackageCatalog/one',
      '/appScope/',
      '/',
    ]);
  });

  test('is not guessed where nothing tells it', async () => {
    assign(globalReader, user('Ana'), { directoryScopeId: null, appScopeId: null });
    expect(scopes(await bench.run())).toEqual([
      expect.stringMatching(/\(active\): auditor: contract: role assignment assignment-\d+: neither/u),
    ]);
    expect(live()).toEqual([]);
  });
});

describe('a role that is disabled', () => {
  const setEnabled = (isEnabled: boolean) => {
    const { roleDefinitions } = bench.graph.tenant;
    const definition = roleDefinitions.get(globalReader);
    if (definition === undefined) throw new Error('no role');
    roleDefinitions.put({ ...definition, isEnabled });
  };
  beforeEach(async () => {
    for (let index = 0; index < 8; index += 1) assign(globalReader, user(`U${index}`));
    makeEligible(globalReader, user('Eve'));
    await bench.run();
    expect(live()).toHaveLength(9);
  });

  test('grants nobody anything, however many are assigned to it, until it is enabled', async () => {
    setEnabled(false);
    const outcome = await bench.run();
    expect([outcome.phase, outcome.stream('roleAssignments').deleted, live()]).toEqual(['Succeeded', 9, []]);
    setEnabled(true);
    await bench.run();
    expect(live()).toHaveLength(9);
  });

  test('is told by mode Test', async () => {
    setEnabled(false);
    const { checks } = await bench.run({ mode: 'Test' });
    expect(checks.find(({ name }) => name === 'roleAssignments')).toMatchObject({
      result: 'Warning',
      message: expect.stringMatching(/^directory role Global Reader is disabled in the tenant/u) as string,
    });
  });

  test('by the word of one answer alone takes nothing from many', async () => {
    bench.graph.faults.add({
      when: ({ resource, params }) => resource.endsWith('/roleDefinitions') && !params.has('$filter'),
      answer: rewritten((page) => ({
        ...page,
        value: (page['value'] as object[]).map((one) => ({ ...one, isEnabled: false })),
      })),
    });
    const outcome = await bench.run();
    expect(outcome.stream('roleAssignments')).toMatchObject({ complete: false, deleted: 0 });
    expect(live()).toHaveLength(9);
  });
});

describe('of several ways to a role the one that holds longest is told', () => {
  const soon = '2026-03-05T00:00:00Z';
  const late = '2026-12-31T00:00:00Z';

  test('without an end before one with an end, over groups too, with the path that grants it', async () => {
    const [ana, bob] = [user('Ana'), user('Bob')];
    makeEligible(globalReader, ana, { endDateTime: soon });
    makeEligible(globalReader, group('Night', [group('Deep', [ana, bob])]), { endDateTime: null });
    makeEligible(globalReader, group('Day', [bob]), { endDateTime: late });
    await bench.run();
    const [anas, bobs] = [idOf(ana, 'eligible'), idOf(bob, 'eligible')];
    expect(live()).toEqual([anas, bobs].toSorted());
    expect([times(anas)[1], times(bobs)[1]]).toEqual([null, null]);
    expect(column('path', anas)).toBe('Global Reader > Night > Deep > Ana');
    expect([column('direct', anas), column('direct', bobs)]).toEqual([0, 0]);
  });

  test('the later end of two groups, and of one group that both lead to', async () => {
    const [ana, bob] = [user('Ana'), user('Bob')];
    const both = group('Both', [bob]);
    makeEligible(globalReader, group('A', [ana, both]), { endDateTime: soon });
    makeEligible(globalReader, group('B', [group('C', [ana]), both]), { endDateTime: late });
    await bench.run();
    expect([ana, bob].map((who) => times(idOf(who, 'eligible'))[1])).toEqual([late, late]);
    expect(column('path', idOf(ana, 'eligible'))).toBe('Global Reader > B > C > Ana');
    expect(bench.asked().filter((asked) => asked.includes('/members'))).toHaveLength(4);
  });

  test('whoever has a role and may activate it has both records', async () => {
    const ana = user('Ana');
    assign(globalReader, ana);
    makeEligible(globalReader, ana, { endDateTime: soon });
    await bench.run();
    expect(live()).toEqual([idOf(ana, 'active'), idOf(ana, 'eligible')]);
    expect([times(idOf(ana, 'active'))[1], times(idOf(ana, 'eligible'))[1]]).toEqual([null, soon]);
  });

  test('many that end at times of their own come in few pages', async () => {
    const ends = Array.from({ length: 600 }, (_, index) => new Date(Date.parse(soon) + index * 60_000));
    for (const end of ends) makeEligible(globalReader, user('U'), { endDateTime: end.toISOString() });
    await bench.run();
    expect(live()).toHaveLength(600);
    const [row] = bench.rows("SELECT evidence FROM pass_scopes WHERE evidence LIKE '%:600%'");
    expect(JSON.parse(String(row?.['evidence']))).toMatchObject({ pages: 2, rows: 600 });
  });
});

describe('who may activate a role', () => {
  const eligible = ({ resource }: GraphAsked) => resource.endsWith('/roleEligibilityScheduleInstances');

  test.each([
    ['404 without a code', graphError(404, '', ''), 'configuration'],
    ['404', graphError(404, 'ResourceNotFound', 'no'), 'configuration'],
    ['400', graphError(400, 'BadRequest', 'no'), 'configuration'],
    ['501', graphError(501, 'NotImplemented', 'no'), 'configuration'],
    ['403', graphError(403, 'Authorization_RequestDenied', 'no'), 'permission'],
  ])('is not taken for gone when %s is answered; who has it is read all the same', async (_, reply, code) => {
    const [ana, bob, cid] = [user('Ana'), user('Bob'), user('Cid')];
    assign(globalReader, ana);
    const bobs = assign(globalReader, bob);
    makeEligible(globalReader, cid);
    // What another stream reads goes on.
    bench.config = { streams: { ...otherStreams, users: true } };
    await bench.run();
    bench.graph.tenant.roleAssignments.remove(bobs);
    bench.graph.faults.add({ when: eligible, answer: instead(reply) });
    for (let run = 0; run < 2; run += 1) {
      const outcome = await bench.run({ mode: 'Full' });
      expect(outcome).toMatchObject({ phase: 'PartiallySucceeded', failure: { code } });
      expect(outcome.failure?.message).toMatch(/^eligible roles \(needs RoleManagement\.Read\.Directory\)/u);
      expect(scopes(outcome)).toEqual([expect.stringMatching(/\(eligible\): auditor: /u)]);
      expect(live()).toEqual([idOf(ana, 'active'), idOf(cid, 'eligible')].toSorted());
      expect(outcome.stream('roleAssignments')).toMatchObject({ complete: false });
    }
    const withdrawn = bench.rows('SELECT external_id FROM role_assignments WHERE withdrawn_at IS NOT NULL');
    expect(withdrawn).toEqual([]);
  });

  test('and may not be asked names the switch, unless a permission is what is missing', async () => {
    bench.graph.faults.add({ when: eligible, times: 1, answer: instead(graphError(404, '', '')) });
    expect((await bench.run()).failure?.message).toContain('spec.connector.entraId.eligibleRoles: false');
    bench.graph.faults.add({ when: eligible, answer: denied() });
    expect((await bench.run()).failure?.message).not.toContain('eligibleRoles');
  });

  const notPremium = 'Authentication_RequestFromNonPremiumTenantOrB2CTenant';
  test.each([
    ['a licence', graphError(403, notPremium, 'no'), /no Premium licence/u],
    ['PIM', graphError(400, 'AadPremiumLicenseRequired', 'no'), /no licence for roles/u],
    ['it', graphError(400, 'BadRequest', 'Request not applicable to target tenant.'), /does not have this/u],
  ])('is not offered by a tenant that says it has not %s', async (_, reply, why) => {
    assign(globalReader, user('Ana'));
    bench.graph.faults.add({ when: eligible, answer: instead(reply) });
    expect(await bench.run()).toMatchObject({ phase: 'Succeeded' });
    const [row] = bench.rows("SELECT evidence FROM pass_scopes WHERE evidence LIKE '%notOffered%'");
    expect(String(row?.['evidence'])).toMatch(why);
  });
});

describe('an active assignment', () => {
  const activation = { startDateTime: '2026-03-02T09:00:00Z', endDateTime: '2026-03-02T17:00:00Z' };

  test('that was activated says so, and until when; one that was assigned has no end', async () => {
    const [ana, bob, cid] = [user('Ana'), user('Bob'), user('Cid')];
    assign(globalReader, ana);
    schedule(globalReader, ana, { ...activation, assignmentType: 'Activated' });
    const admins = group('Admins', [bob]);
    assign(globalReader, admins);
    schedule(globalReader, admins, { endDateTime: '2026-12-31T00:00:00Z' });
    assign(globalReader, cid);
    schedule(globalReader, cid);
    // Of another part of the directory: no word on this one.
    schedule(globalReader, cid, { ...activation, directoryScopeId: '/administrativeUnits/unit-1' });
    expect((await bench.run()).phase).toBe('Succeeded');
    const [anas, bobs, cids] = [ana, bob, cid].map((who) => idOf(who, 'active')) as [string, string, string];
    expect(times(anas)).toEqual(['2026-03-02T09:00:00Z', '2026-03-02T17:00:00Z']);
    expect(times(bobs)[1]).toBe('2026-12-31T00:00:00Z');
    expect(times(cids)[1]).toBeNull();
    expect([anas, bobs, cids].map(attributesOf)).toEqual([{ activated: true }, {}, {}]);
  });

  test('that is assigned for good and was activated besides has no end', async () => {
    const ana = user('Ana');
    assign(globalReader, ana);
    schedule(globalReader, ana, { ...activation, assignmentType: 'Activated' });
    schedule(globalReader, ana);
    await bench.run();
    expect([times(idOf(ana, 'active'))[1], attributesOf(idOf(ana, 'active'))]).toEqual([null, {}]);
  });

  test.each([
    ['refused', denied()],
    ['not understood', instead(graphError(400, 'BadRequest', 'no'))],
  ])('whose times are %s is read all the same, and its times stay', async (_, answer) => {
    const [ana, bob] = [user('Ana'), user('Bob')];
    assign(globalReader, ana);
    const bobs = assign(globalReader, bob);
    schedule(globalReader, ana, { ...activation, assignmentType: 'Activated' });
    await bench.run();
    bench.graph.faults.add({ when: ({ resource }) => resource.includes('AssignmentSchedule'), answer });
    bench.graph.tenant.roleAssignments.remove(bobs);
    const outcome = await bench.run();
    expect([outcome.phase, live()]).toEqual(['Succeeded', [idOf(ana, 'active')]]);
    expect(times(idOf(ana, 'active'))).toEqual([activation.startDateTime, activation.endDateTime]);
    const [row] = bench.rows("SELECT evidence FROM pass_scopes WHERE evidence LIKE '%times%'");
    expect(String(row?.['evidence'])).toContain('not available: times of role assignments');
  });

  test('is not asked for its times where PIM is not asked', async () => {
    bench.config = { ...bench.config, eligibleRoles: false };
    assign(globalReader, user('Ana'));
    expect((await bench.run()).phase).toBe('Succeeded');
    expect(bench.asked().filter((asked) => asked.includes('Schedule'))).toEqual([]);
  });
});
