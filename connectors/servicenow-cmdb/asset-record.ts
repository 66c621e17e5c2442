// SPDX-License-Identifier: Apache-2.0
import type { NormalisedRecord } from '../../src/inventory/kinds.ts';
import { assetType } from './asset-type.ts';
import type { StatusField } from './config.ts';
import { attributesOf, columnsOf, labelOf, valueOf, type FieldRule, type RuleFor } from './fields.ts';
import { assetStatus } from './status.ts';
import type { Row } from './wire.ts';

type AssetColumns = NormalisedRecord<'Asset'>['columns'];

const rules: readonly RuleFor<AssetColumns>[] = [
  { column: 'name', field: 'name', form: 'text' },
  { column: 'class', field: 'sys_class_name', form: 'text' },
  { column: 'classLabel', field: 'sys_class_name', form: 'label' },
  { column: 'serialNumber', field: 'serial_number', form: 'text' },
  { column: 'assetTag', field: 'asset_tag', form: 'text' },
  { column: 'manufacturer', field: 'manufacturer', form: 'words' },
  { column: 'model', field: 'model_id', form: 'words' },
  { column: 'model', field: 'model_number', form: 'text' },
  { column: 'ownedBy', field: 'owned_by', form: 'words' },
  { column: 'assignedTo', field: 'assigned_to', form: 'words' },
  { column: 'managedBy', field: 'managed_by', form: 'words' },
  { column: 'supportGroup', field: 'support_group', form: 'words' },
  { column: 'location', field: 'location', form: 'words' },
  { column: 'department', field: 'department', form: 'words' },
  { column: 'company', field: 'company', form: 'words' },
  { column: 'environment', field: 'environment', form: 'words' },
  { column: 'environment', field: 'used_for', form: 'words' },
  { column: 'environment', field: 'classification', form: 'words' },
  { column: 'operatingSystem', field: 'os', form: 'words' },
  { column: 'operatingSystemVersion', field: 'os_version', form: 'text' },
  { column: 'ipAddress', field: 'ip_address', form: 'text' },
  { column: 'macAddress', field: 'mac_address', form: 'text' },
  { column: 'fqdn', field: 'fqdn', form: 'text' },
  { column: 'hostName', field: 'host_name', form: 'text' },
  { column: 'cpuCount', field: 'cpu_count', form: 'whole' },
  { column: 'memoryMb', field: 'ram', form: 'whole' },
  { column: 'diskGb', field: 'disk_space', form: 'whole' },
  { column: 'virtual', field: 'virtual', form: 'flag' },
  { column: 'duplicateOf', field: 'duplicate_of', form: 'text' },
  { column: 'discoverySource', field: 'discovery_source', form: 'words' },
  { column: 'firstDiscoveredAt', field: 'first_discovered', form: 'time' },
  // Only discovery sets it. sys_updated_on is the time of an edit and says nothing about when a thing was seen.
  { column: 'lastDiscoveredAt', field: 'last_discovered', form: 'time' },
  { column: 'purchaseDate', field: 'purchase_date', form: 'date' },
  { column: 'warrantyExpiration', field: 'warranty_expiration', form: 'date' },
  { column: 'sourceCreatedAt', field: 'sys_created_on', form: 'time' },
  { column: 'sourceUpdatedAt', field: 'sys_updated_on', form: 'time' },
];

/** Kept as the external id. */
const held: ReadonlySet<string> = new Set(['sys_id']);

export interface AssetContext {
  readonly statusField: StatusField | undefined;
  parentOf(className: string): string | undefined;
  /** Readable name of a class, where the class tree has one. */
  classLabel(className: string): string | undefined;
}

/** One configuration item as an asset. Pure. Throws when the row has no sys_id. */
export function toAsset(row: Row, context: AssetContext): NormalisedRecord<'Asset'> {
  const externalId = valueOf(row, 'sys_id');
  if (externalId === undefined) throw new Error('row has no sys_id');
  const columns = columnsOf<AssetColumns>(row, rules);
  const className = columns.class;
  if (className !== undefined) {
    columns.type = assetType(className, (name) => context.parentOf(name));
    const label = columns.classLabel ?? context.classLabel(className);
    if (label !== undefined) columns.classLabel = label;
  }
  const verdict = assetStatus(
    (field) => (field === 'life_cycle_stage' ? labelOf(row, field) : undefined) ?? valueOf(row, field),
    context.statusField,
  );
  const statusRules: FieldRule[] = [];
  if (verdict !== undefined) {
    columns.status = verdict.status;
    const words = labelOf(row, verdict.field);
    if (words !== undefined && words.length <= 1024) {
      columns.statusLabel = words;
      statusRules.push({ column: 'statusLabel', field: verdict.field, form: 'label' });
    }
  }
  return { externalId, columns, attributes: attributesOf(row, [...rules, ...statusRules], columns, held) };
}
