// SPDX-License-Identifier: Apache-2.0
import type { Entity, Reference, Relation } from './directory.ts';
import type { Expansion } from './query.ts';
import { factsOf, type TypeName } from './schema.ts';
import { may, readers, type World } from './world.ts';

export type Row = Record<string, unknown>;

/** Intune gives these only when they are named, or for a single device. */
const whenNamed = new Set(['ethernetMacAddress', 'iccid', 'udid', 'notes', 'physicalMemoryInBytes']);
/** Most related objects that an expansion gives; there is no link to the others. */
const expanded = 20;

/** An object with what was asked for of it; what was never set is null, or an empty list. */
export function shown(
  type: TypeName,
  entity: Entity,
  select: readonly string[] | undefined,
  single = false,
): Row {
  const { properties, defaults, collections, singleOnly } = factsOf(type);
  const all = select === undefined || select.includes('*');
  const names = all ? (defaults ?? [...properties].filter((name) => !singleOnly.has(name))) : select;
  const row: Row = {};
  for (const name of names) {
    if (!properties.has(name)) continue;
    const hidden = all && !single && type === 'managedDevice' && whenNamed.has(name);
    row[name] = (hidden ? undefined : entity[name]) ?? (collections.has(name) ? [] : null);
  }
  const keys = row['keyCredentials'];
  if (Array.isArray(keys) && !(single && !all))
    row['keyCredentials'] = keys.map((key: Row) => ({ ...key, key: null }));
  return row;
}

/** The properties that an answer has: those that were asked for, as a rule. */
export function given(
  { quirks }: World,
  type: TypeName,
  select: readonly string[] | undefined,
): readonly string[] | undefined {
  return quirks.ignoresSelect ? [...factsOf(type).properties] : select;
}

/** An object that stands where several types may: with its type, and without values that the app may not see. */
export function mixed(world: World, { id, type }: Reference, select: readonly string[] | undefined): Row {
  const entity = world.tenant.directory.find(id)?.entity ?? { id };
  const seen = may(world, readers[type]) ? entity : { id };
  const named = select?.filter((name) => factsOf(type).properties.has(name));
  return { '@odata.type': `#microsoft.graph.${type}`, ...shown(type, seen, given(world, type, named)) };
}

const many = new Set<string>([
  'members',
  'owners',
  'registeredOwners',
  'registeredUsers',
] satisfies Relation[]);

/** The property that `$expand` adds; nothing where there is no manager. */
export function expansion(world: World, entity: Entity, asked: Expansion | undefined): Row {
  if (asked === undefined) return {};
  const { relation, select } = asked;
  const { directory } = world.tenant;
  if (relation === 'principal') {
    const found = directory.find(String(entity['principalId']));
    return { principal: found === undefined ? null : mixed(world, found, select) };
  }
  const related = [...directory.related(relation as Relation, entity.id)].slice(0, expanded);
  const rows = related.map((reference) => mixed(world, reference, select));
  if (many.has(relation)) return { [relation]: rows };
  return rows[0] === undefined ? {} : { [relation]: rows[0] };
}
