// SPDX-License-Identifier: Apache-2.0
import { Type, type Static, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { firstProblem } from '../../src/connector/problem.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { Graph } from './graph.ts';

const Text = Type.Optional(Type.Union([Type.String(), Type.Null()]));
const id = Type.String({ minLength: 1, maxLength: 256 });

/** A built-in or custom role of the directory; a built-in one has the same `templateId` in every tenant. */
export const RoleDefinition = Type.Object({
  id,
  displayName: Text,
  templateId: Text,
  isBuiltIn: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
  /** False: whoever is assigned to it has nothing by it. */
  isEnabled: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
});
export type RoleDefinition = Static<typeof RoleDefinition>;

/** Somebody holds a role: a user, a service principal, or a group for those in it. */
export const RoleAssignment = Type.Object({
  id,
  principalId: id,
  roleDefinitionId: id,
  /** `/` for the whole tenant, else an administrative unit or an object. */
  directoryScopeId: Text,
  /** In its place a part that only one application knows, `/` for all of that. */
  appScopeId: Text,
  /** With its type and name, where the application may read objects of that type. */
  principal: Type.Optional(Type.Unknown()),
});
export type RoleAssignment = Static<typeof RoleAssignment>;

/** One that may activate a role. Needs a Premium P2 licence. */
export const EligibleRole = Type.Object({
  ...RoleAssignment.properties,
  startDateTime: Text,
  endDateTime: Text,
  memberType: Text,
});
export type EligibleRole = Static<typeof EligibleRole>;

/** From when until when an active assignment holds. Needs a Premium P2 licence. */
export const ScheduledAssignment = Type.Object({
  ...EligibleRole.properties,
  /** `Assigned`, or `Activated` by somebody who may. */
  assignmentType: Text,
});
export type ScheduledAssignment = Static<typeof ScheduledAssignment>;

const base = 'roleManagement/directory';
const definitionsPath = `${base}/roleDefinitions`;
const scheduledPath = `${base}/roleAssignmentScheduleInstances`;
const assignmentPaths = {
  active: `${base}/roleAssignments`,
  eligible: `${base}/roleEligibilityScheduleInstances`,
} as const;
/** Only one relation can be had with it. */
const withPrincipal = { $expand: 'principal' } as const;
const needs = '(needs RoleManagement.Read.Directory)';

/** All role definitions of the tenant. Throws a Failure. */
export function roleDefinitions(graph: Graph): Promise<readonly RoleDefinition[]> {
  return all(graph, `role definitions ${needs}`, definitionsPath, RoleDefinition);
}

/** All active assignments, those of activated eligible roles included. Throws a Failure. */
export function roleAssignments(graph: Graph): Promise<readonly RoleAssignment[]> {
  // Some are not given unless they are named.
  const $select = 'id,principalId,roleDefinitionId,directoryScopeId,appScopeId';
  const query = { $select, ...withPrincipal };
  return all(graph, `role assignments ${needs}`, assignmentPaths.active, RoleAssignment, query);
}

/** When active assignments end. Throws as `eligibleRoles` does. */
export function scheduledAssignments(graph: Graph): Promise<readonly ScheduledAssignment[]> {
  return all(graph, `times of role assignments ${needs}`, scheduledPath, ScheduledAssignment);
}

/** Whether a role is disabled, asked for by itself. Throws a Failure. */
export async function isDisabled(graph: Graph, role: string): Promise<boolean> {
  const query = { $filter: `id eq '${role.replaceAll("'", "''")}'` };
  const found = await all(graph, `role definition ${role} ${needs}`, definitionsPath, RoleDefinition, query);
  return found.length === 1 && found[0]?.isEnabled === false;
}

/** Who may activate a role. Throws a Failure, a FeatureAbsent where the answer says that the tenant has no licence for it. */
export function eligibleRoles(graph: Graph): Promise<readonly EligibleRole[]> {
  return all(graph, `eligible roles ${needs}`, assignmentPaths.eligible, EligibleRole, withPrincipal);
}

/** How many assignments of one role there are, asked for by themselves. Throws a Failure. */
export async function assignmentsOfRole(
  graph: Graph,
  role: string,
  assignment: 'active' | 'eligible',
): Promise<number> {
  const query = { $filter: `roleDefinitionId eq '${role.replaceAll("'", "''")}'` };
  const subject = `assignments of role ${role} ${needs}`;
  const found = await all(graph, subject, assignmentPaths[assignment], RoleAssignment, query);
  return found.length;
}

/** Few enough to be held. A row that does not fit is no row to leave out: who has a role would be told wrongly. */
async function all<Row extends TSchema>(
  graph: Graph,
  subject: string,
  path: string,
  schema: Row,
  query: Readonly<Record<string, string>> = {},
): Promise<readonly Static<Row>[]> {
  const check = Compile(schema);
  const rows: Static<Row>[] = [];
  for await (const page of graph.pages({ subject, path, query })) {
    for (const row of page) {
      if (!check.Check(row)) {
        const { reason } = firstProblem(check.Errors(row), 'row');
        throw new Failure('contract', `${subject}: ${reason}; nothing is taken as read`);
      }
      rows.push(row);
    }
  }
  return rows;
}
