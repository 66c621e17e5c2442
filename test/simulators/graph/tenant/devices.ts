// SPDX-License-Identifier: Apache-2.0
import { notebookName, toldSerial } from '../../notebooks.ts';
import type { Directory, Entity } from '../directory.ts';
import { daysFrom, guid, hoursBefore, pick } from './seed.ts';
import type { Tenant } from './tenant.ts';

export const zeroGuid = '00000000-0000-0000-0000-000000000000';
/** What Intune gives for a date that was never set. */
export const neverSet = '0001-01-01T00:00:00Z';

const trustTypes = ['AzureAd', 'ServerAd', 'Workplace'];
const systems = [
  { operatingSystem: 'Windows', version: '10.0.22631.3007', manufacturer: 'LENOVO', model: '21CB' },
  {
    operatingSystem: 'Windows',
    version: '10.0.26100.2033',
    manufacturer: 'Dell Inc.',
    model: 'Latitude 5440',
  },
  { operatingSystem: 'macOS', version: '15.3.1', manufacturer: 'Apple', model: 'MacBook Pro' },
  { operatingSystem: 'iOS', version: '18.3', manufacturer: 'Apple', model: 'iPhone 15' },
  { operatingSystem: 'Android', version: '15', manufacturer: 'samsung', model: 'SM-A556B' },
] as const;
/** What Intune says of a device. */
export const complianceStates = [
  'compliant',
  'noncompliant',
  'inGracePeriod',
  'unknown',
  'error',
  'conflict',
] as const;
/** Most devices are well. */
const states = ['compliant', 'compliant', ...complianceStates] as const;

export function addDevices(
  directory: Directory,
  seed: number,
  count: number,
  users: readonly string[],
): string[] {
  const ids = Array.from({ length: count }, (_, index) => guid(seed, 'device', index));
  for (const [index, id] of ids.entries()) {
    directory.add('device', { id, ...device(seed, index) });
    const owner = users.length === 0 ? undefined : pick(users, index);
    if (owner === undefined || index % 6 === 5) continue;
    directory.relate('registeredOwners', id, owner);
    directory.relate('registeredUsers', id, owner);
  }
  return ids;
}

function device(seed: number, index: number): Record<string, unknown> {
  const { operatingSystem, version, manufacturer, model } = pick(systems, index);
  const managed = isManaged(index);
  return {
    deviceId: guid(seed, 'deviceId', index),
    displayName: notebookName(index),
    operatingSystem,
    operatingSystemVersion: version,
    trustType: pick(trustTypes, index),
    profileType: 'RegisteredDevice',
    accountEnabled: index % 30 !== 29,
    // Often null, and null where nobody judged.
    ...(managed ? { isCompliant: pick(states, index) === 'compliant', manufacturer, model } : {}),
    isManaged: managed,
    deviceOwnership: pick(['Company', 'Personal', 'Unknown'], index),
    registrationDateTime: daysFrom(-700 + (index % 600)),
    // Stale entries stay for ever.
    approximateLastSignInDateTime: hoursBefore(index % 50 === 49 ? 9000 : index % 300),
    physicalIds: [`[USER-GID]:${guid(seed, 'gid', index)}:6755399441055744`, `[HWID]:h:${index}`],
    createdDateTime: daysFrom(-700 + (index % 600)),
  };
}

/** Four of five devices of the directory stand in Intune too. */
export function isManaged(index: number): boolean {
  return index % 5 !== 4;
}

/** The Intune view of the managed ones; some without any device of the directory, serial numbers blank or repeated. */
export function managedDevices(directory: Directory, seed: number, count: number): Entity[] {
  const list: Entity[] = [];
  for (let index = 0; index < count; index += 1) {
    if (!isManaged(index)) continue;
    const owner = [...directory.related('registeredOwners', guid(seed, 'device', index))][0];
    list.push(managedDevice(seed, index, owner === undefined ? undefined : directory.find(owner.id)?.entity));
  }
  return list;
}

function managedDevice(seed: number, index: number, owner: Entity | undefined): Entity {
  const { operatingSystem, version, manufacturer, model } = pick(systems, index);
  const lone = index % 25 === 3;
  const judged = pick(states, index);
  return {
    id: guid(seed, 'managedDevice', index),
    deviceName: notebookName(index),
    serialNumber: toldSerial(index),
    azureADDeviceId: lone ? zeroGuid : guid(seed, 'deviceId', index),
    azureADRegistered: lone ? null : true,
    complianceState: judged,
    complianceGracePeriodExpirationDateTime: judged === 'inGracePeriod' ? daysFrom(3) : neverSet,
    enrolledDateTime: daysFrom(-700 + (index % 600)),
    lastSyncDateTime: index % 40 === 1 ? neverSet : hoursBefore(index % 200),
    managedDeviceOwnerType: index % 3 === 1 ? 'personal' : 'company',
    managementAgent: 'mdm',
    managementState: index % 60 === 2 ? 'retirePending' : 'managed',
    deviceEnrollmentType: operatingSystem === 'Windows' ? 'windowsAzureADJoin' : 'userEnrollment',
    deviceRegistrationState: 'registered',
    operatingSystem,
    osVersion: version,
    manufacturer,
    model,
    isEncrypted: index % 9 !== 8,
    isSupervised: false,
    jailBroken: pick(['Unknown', 'False', 'True'], index % 11 === 0 ? 2 : index % 2),
    totalStorageSpaceInBytes: 256_060_514_304,
    freeStorageSpaceInBytes: 100_000_000_000 + index,
    physicalMemoryInBytes: 0,
    partnerReportedThreatState: 'unknown',
    wiFiMacAddress: `02${index.toString(16).padStart(10, '0')}`.toUpperCase(),
    ethernetMacAddress: `06${index.toString(16).padStart(10, '0')}`.toUpperCase(),
    // A device without a person has an empty text here, or nothing.
    userId: owner?.id ?? (index % 2 === 0 ? '' : null),
    userPrincipalName: owner?.['userPrincipalName'] ?? '',
    userDisplayName: owner?.['displayName'] ?? '',
    emailAddress: owner?.['mail'] ?? '',
    androidSecurityPatchLevel: operatingSystem === 'Android' ? '2026-01-05' : '',
  };
}

/** Intune looks at a managed device and judges it; the device of the directory is told, where there is one. */
export function judgeDevice(
  { directory, managedDevices: managed }: Tenant,
  id: string,
  state: (typeof complianceStates)[number],
): void {
  const device = managed.get(id);
  if (device === undefined) throw new Error(`the emulator has no managed device ${id}`);
  managed.put({
    ...device,
    complianceState: state,
    complianceGracePeriodExpirationDateTime: state === 'inGracePeriod' ? directory.stamp(3) : neverSet,
    lastSyncDateTime: directory.stamp(),
  });
  for (const { id: object, deviceId } of directory.objects.device)
    if (deviceId === device['azureADDeviceId'])
      directory.update(object, { isCompliant: state === 'compliant' });
}
