// SPDX-License-Identifier: Apache-2.0
import type { Asked } from '../faults.ts';
import { parseFilter, type Filter } from './filter.ts';
import { refuse } from './reply.ts';
import { factsOf, type TypeName } from './schema.ts';

export interface Expansion {
  readonly relation: string;
  readonly select: readonly string[] | undefined;
}

export interface Query {
  /** Properties to give; the type's default set when absent. */
  readonly select: readonly string[] | undefined;
  readonly top: number | undefined;
  readonly expand: Expansion | undefined;
  readonly filter: Filter | undefined;
  /** `$count=true` together with `ConsistencyLevel: eventual`. */
  readonly counted: boolean;
}

const known = new Set([
  '$select',
  '$top',
  '$expand',
  '$filter',
  '$count',
  '$orderby',
  '$search',
  '$skiptoken',
  '$deltatoken',
]);

/** The options of a request for a type; refuses what the vendor refuses. */
export function parseQuery(asked: Asked, type: TypeName): Query {
  const { params } = asked;
  for (const name of params.keys()) {
    if (name === '$skip') refuse(400, 'Request_BadRequest', "'$skip' is not supported by the service.");
    if (!known.has(name)) refuse(400, 'BadRequest', `The query parameter '${name}' is not supported.`);
  }
  const eventual = asked.headers['consistencylevel'] === 'eventual';
  const counted = eventual && params.get('$count') === 'true';
  const filter = optional(params.get('$filter'), (text) => parseFilter(text));
  const sorted = params.has('$orderby');
  if (!counted && (params.has('$search') || filter?.advanced === true || (filter !== undefined && sorted))) {
    refuse(400, 'Request_UnsupportedQuery', 'Unsupported or invalid query filter clause specified.');
  }
  for (const property of filter?.properties ?? []) checkProperty(type, property);
  return {
    select: optional(params.get('$select'), (text) => selection(text, type)),
    top: optional(params.get('$top'), topOf),
    expand: optional(params.get('$expand'), (text) => expansion(text, type)),
    filter,
    counted,
  };
}

function optional<Value>(text: string | null, parse: (text: string) => Value): Value | undefined {
  return text === null ? undefined : parse(text);
}

function topOf(text: string): number {
  if (!/^\d+$/u.test(text) || Number(text) === 0)
    refuse(400, 'BadRequest', `Invalid value '${text}' for $top.`);
  return Number(text);
}

export function selection(text: string, type: TypeName): string[] {
  const names = text.split(',').map((name) => name.trim());
  for (const name of names) checkProperty(type, name);
  return names;
}

function checkProperty(type: TypeName, name: string): void {
  const { properties, relations } = factsOf(type);
  if (properties.has(name) || relations.has(name) || name === '*') return;
  const said = `Could not find a property named '${name}' on type 'microsoft.graph.${type}'.`;
  refuse(400, 'BadRequest', `Parsing OData Select and Expand failed: ${said}`);
}

function expansion(text: string, type: TypeName): Expansion {
  const [, relation = '', inner] = /^(\w+)(?:\(\$select=([\w,\s]+)\))?$/u.exec(text) ?? [];
  if (relation === '') {
    refuse(400, 'Request_BadRequest', 'Only one property can be expanded in a single query.');
  }
  checkProperty(type, relation);
  return { relation, select: inner?.split(',').map((name) => name.trim()) };
}
