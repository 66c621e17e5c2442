// SPDX-License-Identifier: Apache-2.0
import { toManagedDevice } from './device-record.ts';
import { collectionStream } from './directory-stream.ts';
import { ManagedDeviceRow } from './rows.ts';

/** Intune tells neither changes nor a count that holds, so that every run lists all its devices. */
export const managedDevices = collectionStream({
  name: 'managedDevices',
  record: 'Device',
  needs: ['DeviceManagementManagedDevices.Read.All'],
  row: ManagedDeviceRow,
  incremental: false,
  toRecord: toManagedDevice,
  reading: () => ({ resource: 'deviceManagement/managedDevices', plain: true }),
});
