// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check';
import { Compile } from 'typebox/compile';
import { describe, expect, test } from 'vitest';
import { toAsset, type AssetContext } from '../../../connectors/servicenow-cmdb/asset-record.ts';
import { assetType } from '../../../connectors/servicenow-cmdb/asset-type.ts';
import type { StatusField } from '../../../connectors/servicenow-cmdb/config.ts';
import { assetStatus } from '../../../connectors/servicenow-cmdb/status.ts';
import { shifted, toDay, toRfc3339, toStored } from '../../../connectors/servicenow-cmdb/stored-time.ts';
import type { Cell, Row } from '../../../connectors/servicenow-cmdb/wire.ts';
import { Asset } from '../../../src/inventory/kinds.ts';

const context: AssetContext = {
  statusField: undefined,
  parentOf: () => undefined,
  classLabel: () => undefined,
};

function asset(row: Row, given: Partial<AssetContext> = {}) {
  return toAsset({ sys_id: 'a1', ...row }, { ...context, ...given });
}

function labelled(value: string, label: string | null): Cell {
  return { value, display_value: label };
}

function status(codes: Partial<Record<StatusField, string>>, leading?: StatusField) {
  return assetStatus((field) => codes[field], leading);
}

describe('status', () => {
  test.each([
    ['0', 'pending'],
    ['1', 'active'],
    ['2', 'ordered'],
    ['3', 'maintenance'],
    ['4', 'pending'],
    ['5', 'maintenance'],
    ['6', 'in_stock'],
    ['7', 'retired'],
    ['8', 'missing'],
    ['100', 'retired'],
    ['999', 'unknown'],
    ['constructor', 'unknown'],
  ])('install status %s is %s', (code, expected) => {
    expect(status({ install_status: code })).toEqual({ status: expected, field: 'install_status' });
  });

  test.each([
    ['1', 'active'],
    ['2', 'inactive'],
    ['3', 'maintenance'],
    ['4', 'active'],
    ['5', 'pending'],
    ['6', 'retired'],
    ['7', 'planned'],
    ['8', 'planned'],
    ['42', 'unknown'],
  ])('operational status %s is %s', (code, expected) => {
    expect(status({ operational_status: code })).toEqual({ status: expected, field: 'operational_status' });
  });

  test('of fields that disagree, operational 6 and install 7 or 100 lead', () => {
    expect(status({ install_status: '1', operational_status: '6', hardware_status: 'retired' })).toEqual({
      status: 'retired',
      field: 'operational_status',
    });
    expect(status({ install_status: '100', operational_status: '1' })?.field).toBe('install_status');
  });

  test('else the first known code counts, and the configured field alone when there is one', () => {
    expect(status({ install_status: '55', operational_status: '2' })?.status).toBe('inactive');
    expect(status({ install_status: '7', operational_status: '1' }, 'operational_status')?.status).toBe(
      'active',
    );
    expect(status({ install_status: '7' }, 'operational_status')).toBeUndefined();
    expect(status({ life_cycle_stage: 'End of Life' }, 'life_cycle_stage')?.status).toBe('retired');
    expect(status({})).toBeUndefined();
  });

  test('the stage of the life cycle counts when no other field is known', () => {
    const stage = { life_cycle_stage: 'End of Life' };
    expect(status(stage)).toEqual({ status: 'retired', field: 'life_cycle_stage' });
    expect(status({ ...stage, install_status: '55' })?.field).toBe('life_cycle_stage');
    expect(status({ ...stage, install_status: '1' })?.field).toBe('install_status');
    expect(status({ life_cycle_stage: 'On a ship', install_status: '55' })?.field).toBe('install_status');
    const cell = labelled('0a7', 'End of Life');
    expect(asset({ life_cycle_stage: cell }).columns).toMatchObject({ status: 'retired' });
  });

  test('install 100 is retired, whatever the others say', () => {
    expect(status({ install_status: '100', operational_status: '1' })?.status).toBe('retired');
    expect(status({ install_status: '7', operational_status: '1' })?.status).toBe('retired');
  });

  test('an unknown code keeps its label and its raw value', () => {
    expect(asset({ install_status: labelled('77', 'On a ship') })).toMatchObject({
      columns: { status: 'unknown', statusLabel: 'On a ship' },
      attributes: { install_status: '77' },
    });
  });
});

describe('type', () => {
  const parents: Record<string, string> = {
    u_my_server: 'cmdb_ci_linux_server',
    cmdb_ci_db_mysql_instance: 'cmdb_ci_db_instance',
    cmdb_ci_db_instance: 'cmdb_ci_appl',
    loop_a: 'loop_b',
    loop_b: 'loop_a',
  };
  test.each([
    ['cmdb_ci_server', 'server'],
    ['cmdb_ci_aix_server', 'server'],
    ['u_my_server', 'server'],
    ['cmdb_ci_computer', 'computer'],
    ['cmdb_ci_ip_switch', 'network_device'],
    ['cmdb_ci_db_mysql_instance', 'database'],
    ['cmdb_ci_business_app', 'application'],
    ['cmdb_ci', 'other'],
    ['loop_a', 'other'],
    ['toString', 'other'],
  ])('%s is %s', (name, expected) => {
    expect(assetType(name, (each) => parents[each])).toBe(expected);
  });
});

describe('stored times', () => {
  test.each([
    ['2026-03-01 08:15:00', '2026-03-01T08:15:00Z'],
    ['2024-02-29 00:00:00', '2024-02-29T00:00:00Z'],
    ['2026-02-31 00:00:00', undefined],
    ['2026-13-01 00:00:00', undefined],
    ['2026-03-01 24:00:00', undefined],
    ['03/01/2026 08:15:00', undefined],
    ['2026-03-01', undefined],
    ['', undefined],
  ])('%s is %s', (stored, expected) => {
    expect(toRfc3339(stored)).toBe(expected);
  });

  test('days, shifts and the way back', () => {
    expect(toDay('2018-06-07')).toBe('2018-06-07');
    expect(toDay('2018-06-37')).toBeUndefined();
    expect(shifted('2026-03-01 00:04:00', -300)).toBe('2026-02-28 23:59:00');
    expect(toStored(new Date('2026-03-01T00:00:00.900Z'))).toBe('2026-03-01 00:00:00');
  });
});

describe('fields of a configuration item', () => {
  test('a null label beside an empty value is an empty field, and so is a null', () => {
    expect(asset({ environment: labelled('', null), os: null })).toEqual({
      externalId: 'a1',
      columns: {},
      attributes: {},
    });
  });

  test('dates are read from the stored value, never from the label in the user’s time zone', () => {
    const record = asset({
      last_discovered: labelled('2026-03-01 08:15:00', '03/01/2026 01:15:00'),
      warranty_expiration: labelled('2018-06-07', '06/07/2018'),
    });
    expect(record.columns).toEqual({
      lastDiscoveredAt: '2026-03-01T08:15:00Z',
      warrantyExpiration: '2018-06-07',
    });
    expect(record.attributes).toEqual({ last_discovered: '2026-03-01 08:15:00' });
  });

  test('an edit is no discovery', () => {
    expect(asset({ sys_updated_on: '2026-03-01 08:15:00' }).columns).not.toHaveProperty('lastDiscoveredAt');
  });

  test('a date that does not exist stays raw', () => {
    const record = asset({ last_discovered: '2026-02-31 00:00:00', purchase_date: 'soon' });
    expect(record.columns).toEqual({});
    expect(record.attributes).toEqual({ last_discovered: '2026-02-31 00:00:00', purchase_date: 'soon' });
  });

  test('durations are no times, and their label adds nothing', () => {
    expect(asset({ u_window: labelled('1970-01-01 08:00:00', '8 Hours') }).attributes).toEqual({
      u_window: '1970-01-01 08:00:00',
    });
  });

  test('numbers come from the value without separators; -1 and fractions stay raw', () => {
    const record = asset({
      cpu_count: labelled('8', '8'),
      ram: labelled('-1', '-1'),
      disk_space: labelled('101.5', '101.5'),
      fault_count: labelled('2048', '2,048'),
    });
    expect(record.columns).toEqual({ cpuCount: 8 });
    expect(record.attributes).toEqual({ ram: '-1', disk_space: '101.5', fault_count: '2048' });
    expect(asset({ ram: labelled('2048', '2,048') })).toMatchObject({
      columns: { memoryMb: 2048 },
      attributes: {},
    });
  });

  test('currency keeps value and currency', () => {
    const cost = { value: '699.99', display_value: '$699.99', currency_display_value: 'USD;699.99' };
    expect(asset({ cost }).attributes).toEqual({ cost: '699.99', labels: { cost: 'USD;699.99' } });
  });

  test('journal fields have their text in the label only', () => {
    expect(asset({ work_notes: labelled('', 'Moved to rack 7') }).attributes).toEqual({
      work_notes: 'Moved to rack 7',
    });
  });

  test('references give their label to the column and their id to the attributes', () => {
    expect(asset({ manufacturer: labelled('cc33', 'Example Corp') })).toMatchObject({
      columns: { manufacturer: 'Example Corp' },
      attributes: { manufacturer: 'cc33' },
    });
  });

  test('a reference without a label does not put an id where words belong', () => {
    const company = '7aad6d00c611228400f00e0f80b67d2d';
    expect(asset({ company })).toMatchObject({ columns: {}, attributes: { company } });
    expect(asset({ managed_by: labelled('glide.maint', 'glide.maint') }).columns).toEqual({
      managedBy: 'glide.maint',
    });
  });

  test('a second choice fills a column but stays in the attributes, since the column does not name its field', () => {
    expect(asset({ classification: labelled('prod', 'Production'), model_number: '2650' })).toEqual({
      externalId: 'a1',
      columns: { environment: 'Production', model: '2650' },
      attributes: { classification: 'prod', model_number: '2650', labels: { classification: 'Production' } },
    });
  });

  test('the asset that belongs to an item is kept as a reference, so that nobody counts it twice', () => {
    expect(asset({ asset: labelled('f00', 'P1000 - Server') }).attributes).toEqual({
      asset: 'f00',
      labels: { asset: 'P1000 - Server' },
    });
  });

  test('codes of install status are those of items, not of assets: 6 is in stock here and 3 in maintenance', () => {
    expect(asset({ install_status: '3' }).columns.status).toBe('maintenance');
    expect(asset({ install_status: '6' }).columns.status).toBe('in_stock');
  });

  test('vendor fields whose names are ours stay inside attributes', () => {
    expect(asset({ status: 'x', type: 'y', class: 'z', labels: labelled('l', 'L') }).attributes).toEqual({
      status: 'x',
      type: 'y',
      class: 'z',
      labels: 'l',
      $labels: { labels: 'L' },
    });
  });

  test('a text too long for its column stays whole in the attributes', () => {
    const name = 'n'.repeat(1025);
    expect(asset({ name })).toMatchObject({ columns: {}, attributes: { name } });
  });

  test('a row without sys_id is refused', () => {
    expect(() => toAsset({ name: 'x' }, context)).toThrow('row has no sys_id');
  });
});

describe('nothing is lost and nothing invented', () => {
  const check = Compile(Asset);
  const known = [
    'name',
    'sys_class_name',
    'serial_number',
    'manufacturer',
    'model_id',
    'model_number',
    'environment',
    'used_for',
    'os',
    'cpu_count',
    'ram',
    'disk_space',
    'virtual',
    'last_discovered',
    'purchase_date',
    'sys_created_on',
    'install_status',
    'operational_status',
    'hardware_status',
    'comments',
    'labels',
    'u_custom',
    'status',
  ];
  const value = fc.oneof(
    fc.string({ maxLength: 20 }),
    fc.constantFrom('', '1', '6', '7', '007', '-1', '1.5', '1,024', 'true', 'false', 'installed'),
    fc.constantFrom('2026-03-01 08:15:00', '2026-02-31 08:15:00', '2026-03-01', '1970-01-01 08:00:00'),
    fc.stringMatching(/^[0-9a-f]{32}$/u),
    fc.string({ minLength: 1025, maxLength: 1100 }),
  );
  const cell = fc.oneof(
    value,
    fc.constant(null),
    fc.record({ value, display_value: fc.oneof(value, fc.constant(null)) }),
    value.map((text) => ({ value: text, display_value: text })),
  );
  const rows = fc.dictionary(fc.constantFrom(...known), cell);

  test('every non-empty stored value is in its column or raw in the attributes, whatever the row', () => {
    fc.assert(
      fc.property(rows, (row) => {
        const record = asset(row);
        expect(check.Check(record.columns)).toBe(true);
        const columns = new Set(Object.values(record.columns).map(String));
        for (const [field, each] of Object.entries(row)) {
          const stored = typeof each === 'object' ? each?.value : each;
          if (stored === '' || stored === null || stored === undefined) continue;
          const held = record.attributes[field] === stored || columns.has(stored);
          expect(held, `${field}=${stored} in ${JSON.stringify(record)}`).toBe(true);
        }
      }),
    );
  });

  test('every attribute is a field of the row, word for word', () => {
    fc.assert(
      fc.property(rows, (row) => {
        const { attributes } = asset(row);
        const labelsKey = Object.hasOwn(row, 'labels') ? '$labels' : 'labels';
        for (const [field, kept] of Object.entries(attributes)) {
          if (field === labelsKey) continue;
          const each = row[field];
          const texts = typeof each === 'object' ? [each?.value, each?.display_value] : [each];
          expect(texts).toContain(kept);
        }
      }),
    );
  });
});
