// SPDX-License-Identifier: Apache-2.0
import type { Compliance, DeviceOwnership, NormalisedRecord } from '../../src/inventory/kinds.ts';
import type { DeviceRow, ManagedDeviceRow } from './rows.ts';
import { attributesOf, flagOf, idOf, present, relatedIds, textOf, timeOf } from './values.ts';

type Columns = NormalisedRecord<'Device'>['columns'];

/** `Company` in the directory, `company` in Intune; enums grow, so what is not known is unknown. Pure. */
export function ownershipOf(value: string | null | undefined): DeviceOwnership | undefined {
  if (value === null || value === undefined || value === '') return undefined;
  const word = value.toLowerCase();
  return word === 'company' || word === 'personal' ? word : 'unknown';
}

/** Intune's words for compliance (published schema); what Configuration Manager judges, Intune does not know. Pure. */
export function complianceOf(state: string | null | undefined): Compliance | undefined {
  switch (state) {
    case null:
    case undefined:
    case '':
      return undefined;
    case 'compliant':
      return 'compliant';
    case 'noncompliant':
    case 'conflict':
    case 'error':
      return 'non_compliant';
    case 'inGracePeriod':
      return 'in_grace';
    default:
      return 'unknown';
  }
}

/** What manufacturers leave in the place of a serial number: it would join machines that have nothing to do with each other. */
const noSerials: ReadonlySet<string> = new Set([
  ...['0', 'none', 'n/a', 'na', 'unknown', 'default string', 'system serial number', 'not specified'],
  ...['to be filled by o.e.m.', 'to be filled by oem', 'o.e.m.', 'oem', 'not applicable', 'invalid'],
]);

/** A serial number that names one machine; what is none stays in the attributes. Pure. */
export function serialOf(value: string | null | undefined): string | undefined {
  const text = textOf(value?.trim());
  const filler = text === undefined || noSerials.has(text.toLowerCase()) || /^(.)\1*$/u.test(text);
  return filler ? undefined : text;
}

/** A device of the directory. Whether it keeps the rules stands there as its device management said. Pure. */
export function toDevice(row: DeviceRow): NormalisedRecord<'Device'> {
  const { isCompliant } = row;
  const judged = typeof isCompliant === 'boolean';
  const owners = relatedIds(row.registeredOwners, 'user');
  const columns = present<Columns>({
    name: textOf(row.displayName),
    manufacturer: textOf(row.manufacturer),
    model: textOf(row.model),
    operatingSystem: textOf(row.operatingSystem),
    operatingSystemVersion: textOf(row.operatingSystemVersion),
    ownership: ownershipOf(row.deviceOwnership),
    userId: owners[0],
    directoryId: idOf(row.deviceId),
    securityId: textOf(row.onPremisesSecurityIdentifier),
    active: flagOf(row.accountEnabled),
    managed: flagOf(row.isManaged),
    compliance: judged ? (isCompliant ? 'compliant' : 'non_compliant') : undefined,
    complianceJudgedBy: judged ? 'Entra ID' : undefined,
    trustType: textOf(row.trustType),
    enrolledAt: timeOf(row.registrationDateTime),
    lastContactAt: timeOf(row.approximateLastSignInDateTime),
  });
  return {
    externalId: row.id.toLowerCase(),
    columns,
    attributes: {
      ...attributesOf(row, columns, {
        ...{
          registeredOwners: true,
          isCompliant: true,
          displayName: 'name',
          deviceId: 'directoryId',
        },
        ...{ manufacturer: 'manufacturer', model: 'model', operatingSystem: 'operatingSystem' },
        ...{
          operatingSystemVersion: 'operatingSystemVersion',
          accountEnabled: 'active',
          isManaged: 'managed',
        },
        ...{ onPremisesSecurityIdentifier: 'securityId', trustType: 'trustType' },
        ...{ registrationDateTime: 'enrolledAt', approximateLastSignInDateTime: 'lastContactAt' },
      }),
      ...(owners.length > 1 ? { registeredOwners: owners } : {}),
    },
  };
}

/**
 * A device that Intune manages. Intune does not tell when it judged: `lastSyncDateTime` is the last time the device told its state, and a
 * judgement is not older than that by more than the vendor's own delay. Pure.
 */
export function toManagedDevice(row: ManagedDeviceRow): NormalisedRecord<'Device'> {
  const compliance = complianceOf(row.complianceState);
  const columns = present<Columns>({
    name: textOf(row.deviceName),
    serialNumber: serialOf(row.serialNumber),
    manufacturer: textOf(row.manufacturer),
    model: textOf(row.model),
    operatingSystem: textOf(row.operatingSystem),
    operatingSystemVersion: textOf(row.osVersion),
    macAddress: textOf(row.ethernetMacAddress) ?? textOf(row.wiFiMacAddress),
    imei: textOf(row.imei),
    ownership: ownershipOf(row.managedDeviceOwnerType),
    userId: idOf(row.userId),
    userName: textOf(row.userPrincipalName),
    directoryId: idOf(row.azureADDeviceId),
    managed: managedOf(row.managementState),
    encrypted: flagOf(row.isEncrypted),
    compliance,
    complianceLabel: textOf(row.complianceState),
    complianceJudgedAt: compliance === undefined ? undefined : timeOf(row.lastSyncDateTime),
    complianceJudgedBy: compliance === undefined ? undefined : judgeOf(row.complianceState),
    enrolledAt: timeOf(row.enrolledDateTime),
    lastContactAt: timeOf(row.lastSyncDateTime),
  });
  return {
    externalId: row.id.toLowerCase(),
    columns,
    attributes: attributesOf(row, columns, {
      ...{ deviceName: 'name', serialNumber: 'serialNumber', manufacturer: 'manufacturer' },
      ...{ model: 'model', operatingSystem: 'operatingSystem', osVersion: 'operatingSystemVersion' },
      ...{ ethernetMacAddress: 'macAddress', wiFiMacAddress: 'macAddress', imei: 'imei', userId: 'userId' },
      ...{ managedDeviceOwnerType: 'ownership', userPrincipalName: 'userName', isEncrypted: 'encrypted' },
      ...{ azureADDeviceId: 'directoryId', complianceState: 'complianceLabel' },
      ...{ enrolledDateTime: 'enrolledAt', lastSyncDateTime: 'lastContactAt' },
    }),
  };
}

/** `configManager` says that Configuration Manager judges, and not how. */
function judgeOf(state: string | null | undefined): string {
  return state === 'configManager' ? 'Configuration Manager' : 'Intune';
}

/** A device that was only discovered is not in hand; one that is being retired still is. */
function managedOf(state: string | null | undefined): boolean | undefined {
  if (state === null || state === undefined || state === '') return undefined;
  return state !== 'discovered';
}
