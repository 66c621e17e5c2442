// SPDX-License-Identifier: Apache-2.0
import type { AssetStatus } from '../../src/inventory/kinds.ts';
import { statusFields, type StatusField } from './config.ts';

/** cmdb_ci.install_status. Not the list of alm_asset.install_status, which uses the same codes for other words. */
const install: Readonly<Record<string, AssetStatus>> = {
  0: 'pending', // Implementing
  1: 'active', // Installed
  2: 'ordered', // On Order
  3: 'maintenance', // In Maintenance
  4: 'pending', // Pending Install
  5: 'maintenance', // Pending Repair
  6: 'in_stock', // In Stock
  7: 'retired', // Retired
  8: 'missing', // Stolen
  100: 'retired', // Absent
};

const operational: Readonly<Record<string, AssetStatus>> = {
  1: 'active', // Operational
  2: 'inactive', // Non-Operational
  3: 'maintenance', // Repair in Progress
  4: 'active', // DR Standby
  5: 'pending', // Ready
  6: 'retired', // Retired
  7: 'planned', // Pipeline
  8: 'planned', // Catalog
};

/** hardware_status is a word, not a number; only the first two were seen, the others follow the same words. */
const hardware: Readonly<Record<string, AssetStatus>> = {
  installed: 'active',
  retired: 'retired',
  in_stock: 'in_stock',
  on_order: 'ordered',
  in_maintenance: 'maintenance',
  pending_install: 'pending',
  pending_repair: 'maintenance',
  stolen: 'missing',
  absent: 'retired',
};

/** Life cycle stages by their label in lower case: their codes differ between releases. */
const stage: Readonly<Record<string, AssetStatus>> = {
  design: 'planned',
  purchase: 'ordered',
  inventory: 'in_stock',
  deploy: 'pending',
  operational: 'active',
  missing: 'missing',
  'end of life': 'retired',
};

const tables: Readonly<Record<StatusField, Readonly<Record<string, AssetStatus>>>> = {
  install_status: install,
  operational_status: operational,
  hardware_status: hardware,
  life_cycle_stage: stage,
};

export interface StatusVerdict {
  readonly status: AssetStatus;
  /** The field that decided; its label is the status in words. */
  readonly field: StatusField;
}

/**
 * Status of a configuration item. The fields are independent and often disagree, so one leads: the configured one, else
 * the rule "operational 6 or install 7/100 is retired", then the first field with a known code, the stage of the life cycle
 * last.
 * A code that is not in the tables (customers change the lists) is `unknown`, never an error.
 * `code` gives the code of a field, for life_cycle_stage its label; undefined when it is empty.
 */
export function assetStatus(
  code: (field: StatusField) => string | undefined,
  leading: StatusField | undefined,
): StatusVerdict | undefined {
  if (leading !== undefined) return verdict(leading, code(leading));
  if (code('operational_status') === '6') return { status: 'retired', field: 'operational_status' };
  const installed = code('install_status');
  if (installed === '7' || installed === '100') return { status: 'retired', field: 'install_status' };
  const verdicts = statusFields
    .map((field) => verdict(field, code(field)))
    .filter((each) => each !== undefined);
  return verdicts.find((each) => each.status !== 'unknown') ?? verdicts[0];
}

function verdict(field: StatusField, code: string | undefined): StatusVerdict | undefined {
  if (code === undefined) return undefined;
  const table = tables[field];
  const key = code.toLowerCase();
  return { status: (Object.hasOwn(table, key) ? table[key] : undefined) ?? 'unknown', field };
}
