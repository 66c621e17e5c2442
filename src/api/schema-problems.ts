// SPDX-License-Identifier: Apache-2.0
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { cronMessage, cronPattern } from './cron.ts';
import { authTypes } from './external-system.ts';
import { timePattern } from './time.ts';

/** One thing that is wrong: the field as people write it, and what to do about it. */
export interface Problem {
  readonly path: string;
  readonly message: string;
}

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: object;
}

const connectorPath = 'spec.connector';

const compiled = new WeakMap<TSchema, ReturnType<typeof Compile>>();

/** Where a value does not fit a schema, as people write fields; twenty problems at most. The kind is named as kubectl takes it. */
export function schemaProblems(schema: TSchema, value: unknown, root: string, kind: string): Problem[] {
  const check = compiled.get(schema) ?? Compile(schema);
  compiled.set(schema, check);
  if (value === undefined) return [{ path: root, message: 'is missing' }];
  if (check.Check(value)) return duplicates(schema, value, root);
  const errors = check.Errors(value) as readonly SchemaError[];
  const empty = new Set(
    errors.filter((error) => isEmptyText(error, value)).map(({ instancePath }) => instancePath),
  );
  // An unknown member shows twice: as a false schema and by name. The name is what helps. What is empty has no form either.
  const told = errors.filter(
    ({ keyword, instancePath }) =>
      keyword !== 'boolean' && (keyword !== 'pattern' || !empty.has(instancePath)),
  );
  const problems = told.map((error) => describeError(error, schema, value, root, kind));
  return [
    ...new Map(problems.map((problem) => [`${problem.path} ${problem.message}`, problem])).values(),
  ].slice(0, 20);
}

function describeError(
  error: SchemaError,
  schema: TSchema,
  value: unknown,
  root: string,
  kind: string,
): Problem {
  const path = `${root}${fieldPath(error.instancePath)}`;
  const found = valueAt(value, error.instancePath);
  const shown =
    typeof found === 'string' || typeof found === 'number' ? `${JSON.stringify(found).slice(0, 80)} ` : '';
  const params = error.params as Readonly<Record<string, unknown>>;
  switch (error.keyword) {
    case 'additionalProperties':
      return {
        path,
        message: `unknown field ${listed(params['additionalProperties'])}; remove it or correct its name`,
      };
    case 'required':
      return { path, message: `${listed(params['requiredProperties'])} is missing` };
    case 'enum':
      return { path, message: `${shown}is not allowed; use ${allowedAt(error, path)}` };
    case 'minLength':
      if (isEmptyText(error, value)) return { path, message: 'is empty; give a text' };
      return { path, message: `${shown}${error.message}` };
    case 'minProperties':
      if (path !== connectorPath) return { path, message: 'is empty; give an entry, or leave it out' };
      return { path, message: 'names no connector; give exactly one' };
    case 'maxProperties':
      if (path !== connectorPath)
        return { path, message: `has more than ${String(params['limit'])} entries` };
      return {
        path,
        message: `names more than one connector (${Object.keys(found as object).join(', ')}); give exactly one`,
      };
    case 'format':
      return { path, message: `${shown}${badTime}` };
    case 'pattern':
      if (params['pattern'] === timePattern) return { path, message: `${shown}${badTime}` };
      if (params['pattern'] === cronPattern) return { path, message: `${shown}${cronMessage}` };
      return {
        path,
        message: `${shown}${ownWords(schema, error) ?? formOf(kind, path)}`,
      };
    case 'type':
      if (params['type'] === 'string' && (typeof found === 'number' || typeof found === 'boolean'))
        return { path, message: `${JSON.stringify(found)} must be text; put it in quotes` };
      return { path, message: `${shown}${error.message}${fieldsAt(schema, error, params['type'])}` };
    default:
      return { path, message: `${shown}${error.message}` };
  }
}

function isEmptyText({ keyword, instancePath }: SchemaError, value: unknown): boolean {
  return keyword === 'minLength' && valueAt(value, instancePath) === '';
}

function formOf(kind: string, path: string): string {
  return `is not of the right form; see kubectl explain ${kind}.${path.replaceAll(/\[\d+\]/gu, '')}`;
}

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, TSchema>>;
}

/** The schema of a field below objects; undefined below a list. */
function schemaAt(schema: TSchema, instancePath: string): TSchema | undefined {
  let at: (TSchema & ObjectSchema) | undefined = schema;
  for (const part of instancePath.split('/').slice(1)) at = at?.properties?.[part];
  return at;
}

/** What a field says of its pattern in words, as the API server tells it. */
function ownWords(schema: TSchema, { instancePath, params }: SchemaError): string | undefined {
  const at = schemaAt(schema, instancePath);
  const { 'x-kubernetes-validations': rules = [] } = (at ?? {}) as {
    readonly 'x-kubernetes-validations'?: readonly { readonly rule: string; readonly message: string }[];
  };
  const { pattern } = params as { readonly pattern?: unknown };
  return rules.find(({ rule }) => rule === `self.matches(r'${String(pattern)}')`)?.message;
}

/** The form of an object, for who gave something else. */
function fieldsAt(schema: TSchema, { instancePath }: SchemaError, type: unknown): string {
  if (type !== 'object') return '';
  const at: ObjectSchema | undefined = schemaAt(schema, instancePath);
  const fields = Object.keys(at?.properties ?? {});
  return fields.length === 0 ? '' : ` with the fields ${fields.join(', ')}`;
}

/** Times are the only fields with a format. */
const badTime = 'is no time of the right form; use UTC and whole seconds, such as 2026-03-01T00:00:00Z';

function allowedAt(error: SchemaError, path: string): string {
  const params = error.params as { allowedValues?: readonly unknown[] };
  const allowed = params.allowedValues ?? (path === 'spec.auth.type' ? authTypes : []);
  return allowed.length === 0 ? 'one of the documented values' : allowed.join(', ');
}

function listed(names: unknown): string {
  return Array.isArray(names) ? names.join(', ') : String(names);
}

function valueAt(value: unknown, pointer: string): unknown {
  let current = value;
  for (const part of pointer.split('/').slice(1)) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Readonly<Record<string, unknown>>)[part];
  }
  return current;
}

function fieldPath(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => (/^\d+$/u.test(part) ? `[${part}]` : `.${part}`))
    .join('');
}

/** The API server refuses repeated entries of lists that are sets; JSON Schema alone would have them all as strings. */
function duplicates(schema: TSchema, value: unknown, path: string): Problem[] {
  const { properties = {}, items } = schema as { properties?: Record<string, TSchema>; items?: TSchema };
  if (Array.isArray(value)) {
    const inner =
      items === undefined
        ? []
        : value.flatMap((entry, index) => duplicates(items, entry, `${path}[${index}]`));
    if (!('x-kubernetes-list-type' in schema) || schema['x-kubernetes-list-type'] !== 'set') return inner;
    const repeated = value.flatMap((entry, index) => (value.indexOf(entry) < index ? [index] : []));
    return [
      ...inner,
      ...repeated.map((index) => ({
        path: `${path}[${index}]`,
        message: `${JSON.stringify(value[index])} is there twice; remove one`,
      })),
    ];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const member = properties[key];
    return member === undefined ? [] : duplicates(member, inner, `${path}.${key}`);
  });
}
