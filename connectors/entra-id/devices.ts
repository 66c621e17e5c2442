// SPDX-License-Identifier: Apache-2.0
import { toDevice } from './device-record.ts';
import { collectionStream } from './directory-stream.ts';
import { DeviceRow } from './rows.ts';

export const devices = collectionStream({
  name: 'devices',
  record: 'Device',
  needs: ['Device.Read.All'],
  row: DeviceRow,
  toRecord: toDevice,
  reading: () => ({ resource: 'devices', expand: 'registeredOwners' }),
});
