// SPDX-License-Identifier: Apache-2.0
import { apiVersion } from '../../src/api/group.ts';

/** A valid ExternalSystem whose spec the overrides change. */
export function system(name: string, overrides: object = {}, metadata: object = {}): object {
  return {
    apiVersion,
    kind: 'ExternalSystem',
    metadata: { name, ...metadata },
    spec: {
      connector: { serviceNowCmdb: { url: 'https://example.service-now.com', classes: ['cmdb_ci_server'] } },
      auth: { type: 'Basic', secretRef: { name: 'login' } },
      ...overrides,
    },
  };
}

/** A valid SyncRun of mode Incremental whose spec the overrides change. */
export function run(name: string, overrides: object = {}, metadata: object = {}): object {
  return {
    apiVersion,
    kind: 'SyncRun',
    metadata: { name, ...metadata },
    spec: { systemRef: { name: 'cmdb' }, mode: 'Incremental', ...overrides },
  };
}

/** The schema of every string, list and map of a CRD must be bounded: walks one and names what is not. */
export function unbounded(schema: Record<string, unknown>, path: string): string[] {
  const found: string[] = [];
  // False closes an object: no other names, so none to bound.
  const others = schema['additionalProperties'] === false ? undefined : schema['additionalProperties'];
  if (schema['type'] === 'string' && schema['enum'] === undefined && schema['maxLength'] === undefined)
    found.push(`${path}: maxLength`);
  if (schema['type'] === 'array' && schema['maxItems'] === undefined) found.push(`${path}: maxItems`);
  if (others !== undefined && schema['maxProperties'] === undefined) found.push(`${path}: maxProperties`);
  if (path !== '' && schema['description'] === undefined) found.push(`${path}: description`);
  for (const [name, inner] of Object.entries(
    (schema['properties'] ?? {}) as Record<string, Record<string, unknown>>,
  )) {
    found.push(...unbounded(inner, `${path}.${name}`));
  }
  for (const [mark, inner] of [
    ['[]', schema['items']],
    ['.*', others],
  ] as const)
    if (inner !== undefined) found.push(...unbounded(inner as Record<string, unknown>, `${path}${mark}`));
  return found;
}

/** Parts of a schema that have a default; a field may be called so. */
export function withDefault(schema: unknown): unknown[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties = {}, ...own } = schema as { readonly properties?: object };
  const inner = [...Object.values(properties), ...Object.values(own)].flatMap(withDefault);
  return 'default' in own ? [schema, ...inner] : inner;
}
