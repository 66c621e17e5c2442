// SPDX-License-Identifier: Apache-2.0
import { Directory, type Entity } from '../directory.ts';
import { Sequence } from '../sequence.ts';
import { appRoleAssignments } from './app-roles.ts';
import { addServicePrincipals } from './applications.ts';
import { addDevices, managedDevices } from './devices.ts';
import { addGroups } from './groups.ts';
import { addNamed, grantNamed } from './named.ts';
import { addPeople, isGuest } from './people.ts';
import { buildRoles } from './roles.ts';
import { guid } from './seed.ts';
import type { Tenant } from './tenant.ts';

export interface TenantSize {
  readonly users: number;
  /** Of what is generated, besides what every tenant has; defaults follow from the users. */
  readonly groups?: number;
  readonly devices?: number;
  readonly servicePrincipals?: number;
}

/** An invented tenant: the same seed and size give the same objects. */
export function buildTenant(seed: number, size: TenantSize, now: () => Date): Tenant {
  const id = guid(seed, 'tenant', 0);
  const domains = ['contoso.example', 'contoso.onmicrosoft.example'];
  const directory = new Directory(now);
  const counts = {
    groups: size.groups ?? Math.ceil(size.users / 25),
    devices: size.devices ?? Math.ceil(size.users * 0.8),
    servicePrincipals: size.servicePrincipals ?? 30 + Math.ceil(size.users / 50),
  };
  const users = addPeople(directory, seed, size.users, 'contoso.example');
  const staff = users.filter((_, index) => !isGuest(index));
  const devices = addDevices(directory, seed, counts.devices, staff);
  const servicePrincipals = addServicePrincipals(directory, seed, counts.servicePrincipals, id);
  const groups = addGroups(directory, seed, counts.groups, { users: staff, devices, servicePrincipals });
  const assignable = groups.filter((group) => directory.find(group)?.entity['isAssignableToRole'] === true);
  const roles = buildRoles(seed, { users: staff, groups: assignable, principals: servicePrincipals });
  const assigned = appRoleAssignments(directory, users, groups);
  addNamed(directory, seed, staff, id);
  directory.startRecording();
  const tenant: Tenant = {
    id,
    domains,
    directory,
    organization: new Sequence([organization(id, domains)]),
    managedDevices: new Sequence(managedDevices(directory, seed, counts.devices)),
    roleDefinitions: new Sequence(roles.definitions),
    roleAssignments: new Sequence(roles.assignments),
    roleEligibilityScheduleInstances: new Sequence(roles.eligible),
    roleAssignmentScheduleInstances: new Sequence(roles.active),
    directoryRoles: new Sequence(roles.activated),
    subscribedSkus: new Sequence(skus(id, staff.length)),
    appRoleAssignedTo: assigned,
  };
  grantNamed(tenant, seed);
  return tenant;
}

function organization(id: string, domains: readonly string[]): Entity {
  const verifiedDomains = domains.map((name, index) => ({
    ...{ name, isDefault: index === 0, isInitial: index === domains.length - 1 },
    type: 'Managed',
    capabilities: 'Email, OfficeCommunicationsOnline',
  }));
  return {
    id,
    displayName: 'Contoso',
    verifiedDomains,
    onPremisesSyncEnabled: true,
    onPremisesLastSyncDateTime: '2026-03-02T05:30:00Z',
    countryLetterCode: 'NO',
    tenantType: 'AAD',
    createdDateTime: '2019-01-01T00:00:00Z',
  };
}

function skus(tenantId: string, consumed: number): Entity[] {
  const names = [
    ['06ebc4ee-1bb5-47dd-8120-11324bc54e06', 'SPE_E5'],
    ['f30db892-07e9-47e9-837c-80727f46fd3d', 'FLOW_FREE'],
  ] as const;
  return names.map(([skuId, skuPartNumber], index) => ({
    id: `${tenantId}_${skuId}`,
    skuId,
    skuPartNumber,
    accountId: tenantId,
    accountName: 'Contoso',
    appliesTo: 'User',
    capabilityStatus: index === 0 ? 'Enabled' : 'Warning',
    consumedUnits: Math.floor(consumed / (index + 1)),
    prepaidUnits: { enabled: consumed + 10, suspended: 0, warning: index * 5, lockedOut: 0 },
    servicePlans: [],
    subscriptionIds: [],
  }));
}
