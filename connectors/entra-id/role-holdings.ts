// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import type { RoleRow } from '../../src/connector/role-rows.ts';
import type { RoleAssignment, ScheduledAssignment } from './directory-roles.ts';
import { timeOf } from './values.ts';

/** That somebody holds a role, or may activate it, and from when until when. */
export type Holding = RoleAssignment &
  Partial<Pick<ScheduledAssignment, 'startDateTime' | 'endDateTime' | 'memberType' | 'assignmentType'>> & {
    /** True where nobody could tell from when until when. */
    readonly timesUntold?: boolean;
  };

/**
 * The part of the directory in which a role is held: `/` is all of it. One that only an application knows stands below `/appScope/`, so that all of
 * an application is not taken for the whole tenant. Throws a contract Failure where neither is told. Pure.
 */
export function scopeOf({ id, directoryScopeId, appScopeId }: Holding): string {
  if (typeof directoryScopeId === 'string' && directoryScopeId !== '') return directoryScopeId;
  if (typeof appScopeId === 'string' && appScopeId !== '')
    return `/appScope/${appScopeId.replace(/^\//u, '')}`;
  const message = `role assignment ${id}: neither directoryScopeId nor appScopeId tells where it holds; it is not taken for the whole tenant`;
  throw new Failure('contract', message);
}

/** Active assignments with their times: those of all that the schedules tell of the same principal, role and scope. Pure. */
export function withTimes(
  assignments: readonly RoleAssignment[],
  schedules: readonly ScheduledAssignment[],
): readonly Holding[] {
  const byHolding = Map.groupBy(schedules, keyOf);
  return assignments.flatMap((assignment): readonly Holding[] => {
    const found = byHolding.get(keyOf(assignment)) ?? [];
    if (found.length === 0) return [assignment];
    return found.map((schedule) => ({ ...schedule, ...assignment }));
  });
}

function keyOf({ principalId, roleDefinitionId, directoryScopeId, appScopeId }: RoleAssignment): string {
  return JSON.stringify([
    principalId,
    roleDefinitionId,
    directoryScopeId ?? '',
    appScopeId ?? '',
  ]).toLowerCase();
}

/**
 * Holdings by when they end, those without an end first, then the last to end: whoever is found by the first of several ways has what holds longest. Of
 * several of one principal that end together one is left: its own before one through a group, then the first to begin. Pure.
 */
export function byEnd(holdings: readonly Holding[]): readonly ReadonlyMap<string, Holding>[] {
  const byTime = Map.groupBy(holdings, endOf);
  const latestFirst = [...byTime].toSorted(([one], [other]) => (one === other ? 0 : one > other ? -1 : 1));
  return latestFirst.map(([, together]) => {
    const ownLast = together.toSorted(fromLeastToMost);
    return new Map(ownLast.map((holding) => [holding.principalId.toLowerCase(), holding]));
  });
}

function endOf({ endDateTime }: Holding): number {
  const end = timeOf(endDateTime);
  return end === undefined ? Infinity : Date.parse(end);
}

/** The last of one principal is the one that is told. */
function fromLeastToMost(one: Holding, other: Holding): number {
  if (isInherited(one) !== isInherited(other)) return isInherited(one) ? -1 : 1;
  const [a, b] = [one, other].map(({ startDateTime, id }) => `${startDateTime ?? ''} ${id}`);
  return (a ?? '') > (b ?? '') ? -1 : 1;
}

function isInherited({ memberType }: Holding): boolean {
  return typeof memberType === 'string' && memberType !== 'Direct';
}

/** What a row says of a holding beside who has what. Pure. */
export function factsOfHolding(
  holding: Holding | undefined,
): Pick<RoleRow, 'inherited' | 'startsAt' | 'endsAt' | 'activated' | 'timesUntold'> {
  if (holding === undefined) return {};
  const startsAt = timeOf(holding.startDateTime);
  const endsAt = timeOf(holding.endDateTime);
  return {
    ...(isInherited(holding) ? { inherited: true } : {}),
    ...(startsAt === undefined ? {} : { startsAt }),
    ...(endsAt === undefined ? {} : { endsAt }),
    ...(holding.assignmentType === 'Activated' ? { activated: true } : {}),
    ...(holding.timesUntold === true ? { timesUntold: true } : {}),
  };
}
