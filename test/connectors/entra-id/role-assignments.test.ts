// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { instead } from '../../simulators/graph/faults.ts';
import { graphError } from '../../simulators/graph/reply.ts';
import type { EntraBench } from './bench.ts';
import { globalReader, openRoles, otherStreams, rolesOf, securityReader } from './role-bench.ts';

let bench: EntraBench;
beforeEach(async () => {
  bench = await openRoles();
});
afterEach(() => bench[Symbol.asyncDispose]());
const { directory, map, user, group, assign, makeEligible, live, column, scopes } = rolesOf(() => bench);

describe('members of a mapped group', () => {
  test('have the role through nested groups and circles, once, by the shortest path', async () => {
    const [ana, bob, cid] = [user('Ana'), user('Bob'), user('Cid')];
    const inner = group('Payroll EU', [bob, cid]);
    const outer = group('Payroll', [ana, inner, cid]);
    directory().addMember(inner, outer);
    const device = [...directory().objects.device][0]?.id ?? '';
    directory().addMember(inner, device);
    map({ role: 'payroll-admin', group: 'Payroll' });
    const outcome = await bench.run();
    expect(outcome.phase).toBe('Succeeded');
    expect(live()).toEqual([ana, bob, cid, device].map((id) => `payroll-admin/${outer}/${id}`).toSorted());
    const of = (id: string, name: string) => column(name, `payroll-admin/${outer}/${id}`);
    expect([of(ana, 'path'), of(ana, 'direct')]).toEqual(['Payroll > Ana', 1]);
    expect([of(bob, 'path'), of(bob, 'direct')]).toEqual(['Payroll > Payroll EU > Bob', 0]);
    expect(of(bob, 'path_ids')).toBe(`${outer} > ${inner} > ${bob}`);
    expect(of(cid, 'path')).toBe('Payroll > Cid');
    expect([of(device, 'principal_kind'), of(ana, 'principal_kind')]).toEqual(['Device', 'User']);
    expect(of(ana, 'name')).toBe('Ana has payroll-admin by Payroll');
  });

  test('lose the role with an incremental run when they leave the inner group', async () => {
    const people = Array.from({ length: 40 }, (_, index) => user(`U${index}`));
    const inner = group('Inner', people);
    const outer = group('Outer', [inner]);
    map({ role: 'x', group: outer.toUpperCase() });
    await bench.run();
    expect(live()).toHaveLength(40);
    directory().removeMember(inner, people[3] ?? '');
    const outcome = await bench.run();
    expect(outcome.stream('roleAssignments')).toMatchObject({ deleted: 1, complete: true });
    expect(live()).toHaveLength(39);
  });

  test('keep the names that they had when the right to see names is taken away', async () => {
    const [ana, bob] = [user('Ana'), user('Bob')];
    const inner = group('Inner', [ana]);
    const outer = group('Outer', [inner]);
    map({ role: 'x', group: outer });
    await bench.run();
    const told = () =>
      bench.rows('SELECT name, path, principal_name, direct FROM role_assignments ORDER BY 1');
    const before = told();
    bench.graph.roles.delete('User.Read.All');
    bench.pass(2 * 3_600_000);
    expect((await bench.run()).stream('roleAssignments')).toMatchObject({ unchanged: 1, updated: 0 });
    expect(told()).toEqual(before);
    // By another path what was told of the one before says nothing.
    directory().addMember(outer, ana);
    directory().addMember(outer, bob);
    await bench.run();
    expect(told()).toEqual(
      [
        { name: `${ana} has x by Outer`, path: `Outer > ${ana}`, principal_name: 'Ana', direct: 1 },
        { name: `${bob} has x by Outer`, path: `Outer > ${bob}`, principal_name: null, direct: 1 },
      ].toSorted((one, other) => (one.name < other.name ? -1 : 1)),
    );
  });

  test('are all gone when the group is empty, since another index says so too', async () => {
    const people = Array.from({ length: 8 }, (_, index) => user(`U${index}`));
    const team = group('Team', people);
    map({ role: 'x', group: 'Team' });
    await bench.run();
    for (const one of people) directory().removeMember(team, one);
    const outcome = await bench.run();
    expect([outcome.phase, live()]).toEqual(['Succeeded', []]);
  });

  test('stay where the group hides its members from the application', async () => {
    const people = Array.from({ length: 3 }, (_, index) => user(`U${index}`));
    const inner = group('Secret', people, { groupTypes: ['Unified'], visibility: 'HiddenMembership' });
    map({ role: 'x', group: 'Outer' }, { role: 'y', group: 'Open' });
    group('Outer', [inner, user('Seen')]);
    group('Open', [user('Else')]);
    await bench.run();
    expect(live()).toHaveLength(5);
    bench.graph.roles.delete('Member.Read.Hidden');
    bench.pass(2 * 3_600_000);
    const outcome = await bench.run();
    expect(outcome.stream('roleAssignments')).toMatchObject({ complete: false });
    expect(scopes(outcome)).toEqual([
      expect.stringMatching(/^group .*: permission: group Secret hides its members/u),
    ]);
    expect(live()).toHaveLength(5);
  });

  test('are withdrawn when the mapping is taken out', async () => {
    group('A', [user('Ana')]);
    group('B', [user('Bob')]);
    map({ role: 'x', group: 'A' }, { role: 'x', group: 'B' });
    await bench.run();
    expect(live()).toHaveLength(2);
    map({ role: 'x', group: 'B' });
    const outcome = await bench.run();
    expect(outcome.stream('roleAssignments')).toMatchObject({ withdrawn: 1, deleted: 0 });
    const standing = bench.rows(
      'SELECT principal_name AS n FROM role_assignments WHERE withdrawn_at IS NULL',
    );
    expect(standing).toEqual([{ n: 'Bob' }]);
  });

  test('of 2,300 members and 120 nested groups are counted exactly', async () => {
    const people = Array.from({ length: 2300 }, (_, index) => user(`U${index}`));
    let inner = group('G0', people);
    for (let level = 1; level <= 120; level += 1) inner = group(`G${level}`, [inner]);
    map({ role: 'x', group: inner });
    const outcome = await bench.run();
    expect(outcome.stream('roleAssignments')).toMatchObject({ created: 2300, complete: true });
    expect(live()).toHaveLength(2300);
    const path = String(column('path_ids', live()[0] ?? ''));
    expect(path).toMatch(/ > … \d+ more … > /u);
    expect(path.length).toBeLessThanOrEqual(4096);
  });
});

describe('a mapping that names nothing that is there', () => {
  test('is told with its field, and the others go on', async () => {
    group('Twice', []);
    group('Twice', []);
    group("O'Neil", [user('Ana')]);
    map(
      { role: 'x', group: 'Nobody' },
      { role: 'x', group: 'Twice' },
      { role: 'x', group: '00000000-1111-4222-8333-444444444444' },
      { role: 'x', directoryRole: 'King' },
      { role: 'x', group: "O'Neil" },
    );
    const outcome = await bench.run();
    expect(scopes(outcome)).toEqual([
      expect.stringMatching(
        /^group Nobody: x: configuration: spec\.roleMappings\[0\]\.group: the tenant has no group named/u,
      ),
      expect.stringMatching(
        /^group Twice: x: configuration: spec\.roleMappings\[1\]\.group: 2 groups are named Twice \(/u,
      ),
      expect.stringMatching(
        /^group 00000000-.*: x: configuration: spec\.roleMappings\[2\]\.group: the tenant has no group 0000/u,
      ),
      expect.stringMatching(
        /^directoryRole King: x: configuration: spec\.roleMappings\[3\]\.directoryRole: the tenant has no directory role/u,
      ),
    ]);
    expect(live()).toHaveLength(1);
  });

  test('keeps what was had by it, and holds back nothing that is gone from the others', async () => {
    const [ana, bob, cid] = [user('Ana'), user('Bob'), user('Cid')];
    const dying = group('Dying', [ana, bob]);
    const team = group('Team', [bob, cid]);
    map({ role: 'x', group: dying }, { role: 'y', group: team });
    await bench.run();
    expect(live()).toHaveLength(4);
    bench.pass(60_000);
    directory().remove(dying);
    directory().removeMember(team, cid);
    for (const mode of ['Incremental', 'Full'] as const) {
      const outcome = await bench.run({ mode });
      const { complete, withheld } = outcome.stream('roleAssignments');
      expect([complete, withheld]).toEqual([false, undefined]);
      expect(live()).toEqual([`x/${dying}/${ana}`, `x/${dying}/${bob}`, `y/${team}/${bob}`].toSorted());
      // As docs/guides/access.md finds them.
      const stale = bench.rows(
        `SELECT principal_id AS id FROM current_role_assignments r
         WHERE last_seen_at < (SELECT max(last_seen_at) FROM current_role_assignments o WHERE o.system = r.system)`,
      );
      expect(new Set(stale.map(({ id }) => id))).toEqual(new Set([ana, bob]));
    }
  });

  test('is found by mode Test', async () => {
    map({ role: 'x', group: 'Nobody' });
    const { checks } = await bench.run({ mode: 'Test' });
    expect(checks.find(({ name }) => name === 'roleAssignments')).toMatchObject({
      result: 'Failed',
      message: expect.stringContaining(
        'spec.roleMappings[0].group: the tenant has no group named Nobody',
      ) as string,
    });
  });
});

describe('holders of a mapped directory role', () => {
  test('are users, service principals and everybody in groups, by part of the directory', async () => {
    const [ana, bob] = [user('Ana'), user('Bob')];
    const principal = [...directory().objects.servicePrincipal][0]?.id ?? '';
    const admins = group('Admins', [bob], { isAssignableToRole: true });
    for (const holder of [ana, principal, admins]) assign(globalReader, holder);
    assign(globalReader, ana, { directoryScopeId: '/administrativeUnits/unit-1' });
    assign(securityReader, user('Dee'));
    map({ role: 'auditor', directoryRole: 'global reader' });
    const outcome = await bench.run();
    expect(outcome.phase).toBe('Succeeded');
    const id = (who: string, rest = '') => `auditor/${globalReader}/${who}/active${rest}`;
    expect(live()).toEqual(
      [id(ana), id(ana, '/administrativeUnits/unit-1'), id(bob), id(principal)].toSorted(),
    );
    expect(column('path', id(bob))).toBe('Global Reader > Admins > Bob');
    expect([column('direct', id(bob)), column('direct', id(ana))]).toEqual([0, 1]);
    expect(column('scope', id(ana, '/administrativeUnits/unit-1'))).toBe('/administrativeUnits/unit-1');
    expect(column('principal_kind', id(principal))).toBe('ServicePrincipal');
    expect(column('source_kind', id(ana))).toBe('directory_role');
  });

  test('that may activate it are told with from when and until when, also those in groups', async () => {
    const [ana, bob, cid] = [user('Ana'), user('Bob'), user('Cid')];
    const until = { endDateTime: '2026-12-31T00:00:00Z' };
    makeEligible(globalReader, ana);
    makeEligible(globalReader, group('Night shift', [bob]), until);
    makeEligible(globalReader, cid, { memberType: 'Group' });
    map({ role: 'auditor', directoryRole: globalReader });
    await bench.run();
    const id = (who: string) => `auditor/${globalReader}/${who}/eligible`;
    expect(live()).toEqual([id(ana), id(bob), id(cid)].toSorted());
    const times = (who: string) => [column('starts_at', id(who)), column('ends_at', id(who))];
    expect(times(ana)).toEqual(['2026-01-01T00:00:00Z', null]);
    expect(times(bob)).toEqual(['2026-01-01T00:00:00Z', '2026-12-31T00:00:00Z']);
    expect([column('direct', id(ana)), column('direct', id(cid))]).toEqual([1, 0]);
    expect(column('name', id(ana))).toBe('Ana may activate auditor by Global Reader');
  });

  describe.each([400, 403] as const)('without a licence for roles that are activated (%s)', (refusal) => {
    beforeEach(() => {
      bench.graph.quirks.pimRefusal = refusal;
      assign(globalReader, user('Ana'));
      map({ role: 'auditor', directoryRole: globalReader });
    });
    const eligibleOf = (...names: readonly string[]) => {
      for (const name of names) makeEligible(globalReader, user(name));
    };
    const withdrawn = () =>
      bench.rows('SELECT count(*) AS n FROM role_assignments WHERE withdrawn_at IS NOT NULL')[0]?.['n'];

    test('are read without those that may activate it, and the record of the run says so', async () => {
      bench.graph.licences.pim = false;
      const outcome = await bench.run();
      expect([outcome.phase, live()]).toEqual(['Succeeded', [expect.stringMatching(/\/active$/u)]]);
      expect(outcome.stream('roleAssignments')).toMatchObject({
        complete: true,
        evidence: { scopesNotOffered: 1 },
      });
      const evidence = bench.rows("SELECT evidence FROM pass_scopes WHERE evidence LIKE '%notOffered%'");
      expect(JSON.stringify(evidence)).toContain('no licence for roles that are activated');
    });

    test.each([[['Bob']], [['Bob', 'Cid', 'Dee', 'Eve', 'Fay', 'Gus', 'Hal']]])(
      'that ends, those that may activate it stay, however few or many (%j)',
      async (names) => {
        eligibleOf(...names);
        // What another stream reads goes on.
        bench.config = { streams: { ...Object(bench.config['streams']), users: true } };
        await bench.run();
        expect(live()).toHaveLength(1 + names.length);
        bench.graph.licences.pim = false;
        for (let run = 0; run < 2; run += 1) {
          const outcome = await bench.run({ mode: 'Full' });
          expect(outcome).toMatchObject({ phase: 'PartiallySucceeded', failure: { code: 'permission' } });
          expect(outcome.failure?.message).toContain(`the ${names.length} records of scope directoryRole`);
          const stream = outcome.stream('roleAssignments');
          expect([stream.deleted, stream.withdrawn ?? 0, withdrawn()]).toEqual([0, 0, 0]);
          expect(live()).toHaveLength(1 + names.length);
        }
        bench.graph.licences.pim = true;
        const back = await bench.run();
        expect([back.phase, back.stream('roleAssignments').unchanged]).toEqual([
          'Succeeded',
          1 + names.length,
        ]);
      },
    );

    test('that ends, those that may activate it are withdrawn once they are not asked for', async () => {
      eligibleOf('Bob');
      await bench.run();
      bench.graph.licences.pim = false;
      bench.config = { ...bench.config, eligibleRoles: false };
      const outcome = await bench.run();
      expect(outcome.stream('roleAssignments')).toMatchObject({ complete: true, withdrawn: 1, deleted: 0 });
      expect(bench.asked().filter((path) => path.includes('roleEligibility'))).toHaveLength(1);
    });

    test('a mapping that is taken out is withdrawn all the same', async () => {
      bench.graph.licences.pim = false;
      assign(securityReader, user('Eve'));
      map({ role: 'auditor', directoryRole: globalReader }, { role: 'x', directoryRole: securityReader });
      await bench.run();
      map({ role: 'auditor', directoryRole: globalReader });
      expect((await bench.run()).stream('roleAssignments')).toMatchObject({ withdrawn: 1, deleted: 0 });
    });

    test('mode Test warns of it, once, and says what follows', async () => {
      bench.graph.licences.pim = false;
      map({ role: 'auditor', directoryRole: globalReader }, { role: 'x', directoryRole: securityReader });
      const { checks, phase } = await bench.run({ mode: 'Test' });
      const found = checks.find(({ name }) => name === 'roleAssignments');
      expect([phase, found?.result]).toEqual(['Succeeded', 'Warning']);
      expect(found?.message).toBe(
        'without Premium P2 who may activate a role is not read; what was read before stays (eligibleRoles: false withdraws it); ' +
          'found what spec.roleMappings names: Global Reader, Security Reader',
      );
      bench.config = { ...bench.config, eligibleRoles: false };
      const after = await bench.run({ mode: 'Test' });
      expect(after.checks.find(({ name }) => name === 'roleAssignments')?.result).toBe('Passed');
    });
  });

  test('that may activate it and may not be read are told by mode Test as by a run', async () => {
    bench.graph.faults.add({
      when: ({ resource }) => resource.includes('roleEligibility'),
      times: 2,
      answer: instead(graphError(403, 'Authorization_RequestDenied', 'no')),
    });
    map({ role: 'auditor', directoryRole: globalReader });
    const { checks } = await bench.run({ mode: 'Test' });
    const found = checks.find(({ name }) => name === 'roleAssignments');
    expect(found).toMatchObject({ result: 'Failed' });
    expect(found?.message).toMatch(
      /^eligible roles \(needs RoleManagement\.Read\.Directory\): reading was refused/u,
    );
    expect(scopes(await bench.run())).toEqual([
      expect.stringMatching(/^directoryRole f2ef….* \(eligible\): auditor: permission: eligible roles/u),
    ]);
  });

  test('stay where the application may not read roles any more', async () => {
    assign(globalReader, user('Ana'));
    group('Team', [user('Bob')]);
    map({ role: 'auditor', directoryRole: globalReader }, { role: 'x', group: 'Team' });
    await bench.run();
    bench.graph.roles.delete('RoleManagement.Read.Directory');
    bench.pass(2 * 3_600_000);
    const outcome = await bench.run();
    expect(outcome.stream('roleAssignments')).toMatchObject({ complete: false, deleted: 0 });
    expect(scopes(outcome)).toEqual([
      expect.stringMatching(/^directoryRole .*: permission: role definitions/u),
    ]);
    expect(live()).toHaveLength(2);
  });

  test('are gone when nobody holds it, however many they were', async () => {
    const given = Array.from({ length: 8 }, (_, index) => assign(globalReader, user(`U${index}`)));
    map({ role: 'auditor', directoryRole: globalReader });
    await bench.run();
    expect(live()).toHaveLength(8);
    for (const id of given) bench.graph.tenant.roleAssignments.remove(id);
    const outcome = await bench.run();
    expect([outcome.phase, live()]).toEqual(['Succeeded', []]);
  });
});

test('without a mapping, or switched off, there is no such stream', async () => {
  bench.config = { streams: { ...otherStreams, users: true } };
  const names = async () => (await bench.run()).streams?.map(({ name }) => name);
  expect(await names()).toEqual(['users']);
  map({ role: 'x', group: 'Nobody' });
  bench.config = { streams: { ...Object(bench.config['streams']), roleAssignments: false } };
  expect(await names()).toEqual(['users']);
});

test.each(['Test', 'Full'] as const)(
  'without any stream nothing is read, and mode %s says what to do',
  async (mode) => {
    bench.config = { streams: otherStreams };
    const { phase, failure } = await bench.run({ mode });
    expect([phase, failure?.code]).toEqual(['Failed', 'configuration']);
    expect(failure?.message).toMatch(
      /^spec\.connector\.entraId\.streams: leaves nothing to read; .*roleMappings/u,
    );
    expect(bench.asked()).toEqual([]);
  },
);
