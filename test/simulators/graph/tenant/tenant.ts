// SPDX-License-Identifier: Apache-2.0
import type { Directory, Entity } from '../directory.ts';
import type { Sequence } from '../sequence.ts';

/** Everything that a tenant holds. What stands outside `directory` has no delta query. */
export interface Tenant {
  readonly id: string;
  readonly domains: readonly string[];
  readonly directory: Directory;
  readonly organization: Sequence<Entity>;
  readonly managedDevices: Sequence<Entity>;
  readonly roleDefinitions: Sequence<Entity>;
  readonly roleAssignments: Sequence<Entity>;
  readonly roleEligibilityScheduleInstances: Sequence<Entity>;
  readonly roleAssignmentScheduleInstances: Sequence<Entity>;
  readonly directoryRoles: Sequence<Entity>;
  readonly subscribedSkus: Sequence<Entity>;
  /** By the service principal that is the resource. */
  readonly appRoleAssignedTo: Map<string, Sequence<Entity>>;
}
