// SPDX-License-Identifier: Apache-2.0
import { registeredNotebook } from '../notebooks.ts';
import { generatedId, generatedSource, listSource, Table, type Cell, type Row } from './rows.ts';

export interface EstateSize {
  readonly servers: number;
  /** Notebooks of people, which the emulator of Graph has as devices; none unless given. */
  readonly notebooks?: number;
  /** Defaults follow from the servers. */
  readonly relationships?: number;
  readonly users?: number;
  readonly groups?: number;
}

/** What an instance holds. */
export interface Estate {
  /** Items of all classes stand in cmdb_ci. */
  readonly tables: ReadonlyMap<string, Table>;
  /** Whether a table is one of configuration items. */
  isClass(name: string): boolean;
  /** A class and all below it. */
  classesBelow(name: string): ReadonlySet<string>;
  /** Columns of a class and all above it; undefined: whatever its rows have. */
  columnsOf(name: string): ReadonlySet<string> | undefined;
  /** The table that a reference of a table leads to. */
  targetOf?(field: string): string | undefined;
}

interface ClassFacts {
  readonly parent: string;
  readonly label: string;
  readonly columns: Readonly<Record<string, string>>;
}

const stampColumns = {
  sys_id: 'GUID',
  ...{ sys_created_on: 'glide_date_time', sys_updated_on: 'glide_date_time', sys_mod_count: 'integer' },
} as const;

const rootColumns = {
  ...{
    sys_id: 'GUID',
    sys_class_name: 'sys_class_name',
    name: 'string',
    serial_number: 'string',
    asset_tag: 'string',
  },
  ...{ install_status: 'integer', operational_status: 'integer', ip_address: 'ip_address', fqdn: 'string' },
  ...{
    location: 'reference',
    manufacturer: 'reference',
    assigned_to: 'reference',
    duplicate_of: 'reference',
  },
  ...{ sys_created_on: 'glide_date_time', sys_updated_on: 'glide_date_time', sys_mod_count: 'integer' },
} as const;

/** A class tree like a real one, in small: custom columns and secret ones included. */
const classes: Readonly<Record<string, ClassFacts>> = {
  cmdb_ci: { parent: '', label: 'Configuration Item', columns: { ...rootColumns, u_cost_pool: 'string' } },
  cmdb_ci_hardware: { parent: 'cmdb_ci', label: 'Hardware', columns: { hardware_status: 'string' } },
  cmdb_ci_computer: {
    parent: 'cmdb_ci_hardware',
    label: 'Computer',
    columns: {
      os: 'string',
      os_version: 'string',
      ram: 'integer',
      cpu_count: 'integer',
      disk_space: 'integer',
      virtual: 'boolean',
    },
  },
  cmdb_ci_server: {
    parent: 'cmdb_ci_computer',
    label: 'Server',
    columns: { used_for: 'string', u_admin_password: 'password2' },
  },
  cmdb_ci_linux_server: {
    parent: 'cmdb_ci_server',
    label: 'Linux Server',
    columns: { kernel_release: 'string' },
  },
  cmdb_ci_win_server: {
    parent: 'cmdb_ci_server',
    label: 'Windows Server',
    columns: { u_license_key: 'string' },
  },
};

const systems = ['Red Hat Enterprise Linux', 'Ubuntu', 'SUSE Linux', 'Windows 2022 Standard'] as const;
const purposes = ['Production', 'Test', 'Development', 'QA'] as const;
const places = ['Oslo', 'Lyon', 'Porto', 'Graz', 'Turku'] as const;
const countries = ['Norway', 'France', 'Portugal', 'Austria', 'Finland'] as const;
const makers = ['Example Computers', 'Sample Systems', 'Invented Machines'] as const;
/** What a reference leads to. */
const targets: Readonly<Record<string, string>> = {
  location: 'cmn_location',
  manufacturer: 'core_company',
  assigned_to: 'sys_user',
  duplicate_of: 'cmdb_ci',
};
/** Tables that are no configuration items and stand in the dictionary. */
const otherColumns: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  cmn_location: { name: 'string', city: 'string', country: 'string', ...stampColumns },
  core_company: { name: 'string', website: 'url', ...stampColumns },
  sys_user: {
    ...{ user_name: 'string', name: 'string', email: 'email', title: 'string', active: 'boolean' },
    user_password: 'password',
    ...stampColumns,
  },
};
/** Everything that was not touched since was last edited here. */
export const bornOn = '2025-06-01 00:00:00';

function pick<Value>(list: readonly Value[], index: number): Value {
  return list[index % list.length] as Value;
}

function labelled(value: string, label: string): Cell {
  return { value, display_value: label };
}

/** An invented company: the same seed and size give the same rows, made when they are asked for. */
export function buildEstate(seed: number, size: EstateSize): Estate {
  return {
    tables: buildTables(seed, size),
    isClass: (name) => Object.hasOwn(classes, name),
    classesBelow,
    columnsOf,
    targetOf: (field) => targets[field],
  };
}

function buildTables(seed: number, size: EstateSize): Map<string, Table> {
  const { servers, notebooks = 0 } = size;
  const users = size.users ?? Math.ceil(servers / 10);
  const groups = size.groups ?? Math.ceil(users / 10);
  const relationships = size.relationships ?? Math.max(0, servers - 1);
  const isLinux = (index: number) => (index + seed) % 3 !== 0;
  const stamps = {
    sys_created_on: () => '2024-01-01 00:00:00',
    sys_updated_on: () => bornOn,
    sys_mod_count: () => '3',
  };
  // They come after the servers.
  const notebook = (index: number) => (index < servers ? undefined : registeredNotebook(index - servers));
  const items = generatedSource(servers + notebooks, '0c', {
    sys_class_name: (index) => {
      if (notebook(index) !== undefined) return labelled('cmdb_ci_computer', 'Computer');
      return isLinux(index)
        ? labelled('cmdb_ci_linux_server', 'Linux Server')
        : labelled('cmdb_ci_win_server', 'Windows Server');
    },
    name: (index) =>
      notebook(index)?.name ??
      `${isLinux(index) ? 'lnx' : 'win'}-${pick(places, index).toLowerCase()}-${String(index + seed).padStart(7, '0')}`,
    serial_number: (index) =>
      notebook(index)?.serial ?? `SN${(index * 7919 + seed).toString(36).toUpperCase()}`,
    asset_tag: (index) => `P${1_000_000 + index}`,
    install_status: (index) => (index % 50 === 0 ? labelled('7', 'Retired') : labelled('1', 'Installed')),
    operational_status: () => labelled('1', 'Operational'),
    ip_address: (index) => `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`,
    fqdn: (index) => (index < servers ? `host-${index}.example.com` : ''),
    location: (index) => labelled(generatedId('10', index % places.length), pick(places, index)),
    manufacturer: (index) => labelled(generatedId('11', index % makers.length), pick(makers, index)),
    assigned_to: (index) =>
      users === 0 ? '' : labelled(generatedId('1a', index % users), `User ${index % users}`),
    duplicate_of: () => '',
    u_cost_pool: (index) => `pool-${index % 12}`,
    hardware_status: () => 'installed',
    os: (index) => (index < servers && isLinux(index) ? pick(systems, (index + seed) % 3) : systems[3]),
    os_version: (index) => `${8 + (index % 3)}.${index % 10}`,
    ram: (index) =>
      index % 97 === 0 ? '-1' : labelled(String(2048 << (index % 5)), `${2 << (index % 5)},048`),
    cpu_count: (index) => String(2 << (index % 4)),
    disk_space: (index) => String(50 * (1 + (index % 20))),
    virtual: (index) => labelled(String(index % 2 === 0), String(index % 2 === 0)),
    used_for: (index) => pick(purposes, index),
    u_admin_password: () => 'stored-secret-of-the-instance',
    kernel_release: (index) => `6.1.${index % 100}`,
    u_license_key: (index) => `LIC-${index}`,
    ...stamps,
  });
  const people = generatedSource(users, '1a', {
    user_name: (index) => `user.${index}`,
    name: (index) => `User ${index}`,
    email: (index) => `user.${index}@example.com`,
    title: () => 'Engineer',
    active: (index) => String(index % 20 !== 0),
    user_password: () => 'stored-hash-of-the-instance',
    ...stamps,
  });
  const locations = generatedSource(places.length, '10', {
    name: (index) => pick(places, index),
    city: (index) => pick(places, index),
    country: (index) => pick(countries, index),
    ...stamps,
  });
  const companies = generatedSource(makers.length, '11', {
    name: (index) => pick(makers, index),
    website: (index) => `https://maker-${index}.example.com`,
    ...stamps,
  });
  const teams = generatedSource(groups, '1b', {
    name: (index) => `Team ${index}`,
    description: (index) => `Looks after part ${index}`,
    active: () => 'true',
    ...stamps,
  });
  const members = generatedSource(groups === 0 ? 0 : users, '1c', {
    user: (index) => labelled(generatedId('1a', index), `User ${index}`),
    group: (index) => labelled(generatedId('1b', index % groups), `Team ${index % groups}`),
    ...stamps,
  });
  const relations = generatedSource(relationships, '1d', {
    parent: (index) => labelled(generatedId('0c', index % servers), `item ${index}`),
    child: (index) => labelled(generatedId('0c', (index + 1) % servers), `item ${index + 1}`),
    type: () => labelled(generatedId('1e', 0), 'Depends on::Used by'),
    ...stamps,
  });
  return new Map([
    ['cmdb_ci', new Table(items)],
    ['cmdb_rel_ci', new Table(relations)],
    ['sys_user', new Table(people)],
    ['cmn_location', new Table(locations)],
    ['core_company', new Table(companies)],
    ['sys_user_group', new Table(teams)],
    ['sys_user_grmember', new Table(members)],
    ['sys_audit_delete', new Table(listSource([]))],
    ['sys_db_object', new Table(listSource(classRows()))],
    ['sys_dictionary', new Table(listSource(dictionaryRows()))],
  ]);
}

function classRows(): Row[] {
  return Object.entries(classes).map(([name, { parent, label }]) => ({
    sys_id: classId(name),
    name,
    label,
    super_class: parent === '' ? '' : { value: classId(parent), display_value: parent },
  }));
}

function classId(name: string): string {
  return generatedId('0a', Object.keys(classes).indexOf(name));
}

function dictionaryRows(): Row[] {
  const ofClasses = Object.entries(classes).map(([name, { columns }]) => [name, columns] as const);
  return [...ofClasses, ...Object.entries(otherColumns)].flatMap(([name, columns], at) =>
    Object.entries(columns).map(([element, internalType], index) => ({
      sys_id: generatedId('0d', at * 1000 + index),
      name,
      element,
      internal_type: internalType,
      reference: internalType === 'reference' ? (targets[element] ?? '') : '',
      active: 'true',
    })),
  );
}

/** Columns of a class and all above it. */
export function columnsOf(className: string): ReadonlySet<string> | undefined {
  const facts = classes[className];
  if (facts === undefined) return undefined;
  return new Set([
    ...Object.keys(facts.columns),
    ...(facts.parent === '' ? [] : (columnsOf(facts.parent) ?? [])),
  ]);
}

/** A class and all below it. */
function classesBelow(className: string): ReadonlySet<string> {
  const below = Object.entries(classes).filter(([, { parent }]) => parent === className);
  return new Set([className, ...below.flatMap(([name]) => [...classesBelow(name)])]);
}
