// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { denied, instead, rewritten } from '../../simulators/graph/faults.ts';
import type { GraphAsked } from '../../simulators/graph/world.ts';
import type { EntraBench } from './bench.ts';
import { globalReader, openRoles, rolesOf } from './role-bench.ts';

let bench: EntraBench;
beforeEach(async () => {
  bench = await openRoles();
});
afterEach(() => bench[Symbol.asyncDispose]());
const { directory, map, user, group, assign, schedule, live } = rolesOf(() => bench);

/** More than are let go on the word of one empty answer. */
const people = () => Array.from({ length: 8 }, (_, index) => user(`U${index}`));
const counts = ({ resource }: GraphAsked) => resource.endsWith('/$count');
const nothing = rewritten((page) => ({ ...page, value: [] }));
const emptyListing = (resource: RegExp) =>
  bench.graph.faults.add({
    when: (asked) => resource.test(asked.resource) && !asked.params.has('$filter'),
    answer: nothing,
  });

async function expectAllStay(): Promise<void> {
  const before = live();
  const outcome = await bench.run();
  expect(outcome.stream('roleAssignments')).toMatchObject({ complete: false, deleted: 0 });
  expect(outcome.failure?.message).toMatch(/gave no rows where \d live records stand/u);
  expect(live()).toEqual(before);
}

describe.each([
  ['of a group', (team: string) => map({ role: 'x', group: team })],
  [
    'of a directory role that a group holds',
    (team: string) => {
      assign(globalReader, team);
      map({ role: 'x', directoryRole: globalReader });
    },
  ],
])('the members %s', (_, given) => {
  let team: string;
  let members: string[];
  beforeEach(async () => {
    members = people();
    team = group('Team', members);
    given(team);
    await bench.run();
    expect(live()).toHaveLength(members.length);
  });

  test('that a listing does not give stay where the other index counts them', async () => {
    emptyListing(/\/members$/u);
    await expectAllStay();
  });

  test.each([
    ['refused', denied()],
    ['of another sign', instead({ status: 200, headers: { 'content-type': 'text/plain' }, body: '1' })],
  ])('stay where the count is %s', async (_name, answer) => {
    for (const one of members) directory().removeMember(team, one);
    bench.graph.faults.add({ when: counts, answer });
    await expectAllStay();
  });

  test('are gone where both say so', async () => {
    for (const one of members) directory().removeMember(team, one);
    expect([(await bench.run()).phase, live()]).toEqual(['Succeeded', []]);
  });
});

describe('the holders of a directory role', () => {
  beforeEach(() => map({ role: 'x', directoryRole: globalReader }));

  test('that one listing does not give stay where the role itself is asked and gives them', async () => {
    for (const one of people()) assign(globalReader, one);
    await bench.run();
    emptyListing(/\/roleAssignments$/u);
    await expectAllStay();
  });

  test('that are groups are gone when they are empty, however many times their grants have', async () => {
    const members = people();
    const team = group('Team', members);
    assign(globalReader, team);
    schedule(globalReader, team, { endDateTime: '2026-12-31T00:00:00Z', assignmentType: 'Activated' });
    schedule(globalReader, team);
    await bench.run();
    expect(live()).toHaveLength(members.length);
    for (const one of members) directory().removeMember(team, one);
    expect([(await bench.run()).phase, live()]).toEqual(['Succeeded', []]);
  });

  test('of which one is no group prove nothing, and no member of it is counted', async () => {
    const members = people();
    const given = members.map((one) => assign(globalReader, one));
    await bench.run();
    for (const id of given) bench.graph.tenant.roleAssignments.remove(id);
    const contact = directory().add('orgContact', { displayName: 'Somebody else' }).id;
    assign(globalReader, contact);
    bench.asked();
    // Also where the vendor would answer.
    bench.graph.faults.add({
      when: counts,
      answer: instead({ status: 200, headers: { 'content-type': 'text/plain' }, body: '0' }),
    });
    await expectAllStay();
    expect(bench.asked().filter((asked) => asked.includes(contact))).toEqual([]);
  });
});
