// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { connectors } from '../../connectors/index.ts';
import { buildCrds } from '../../src/api/crd.ts';
import { unbounded } from '../kit/manifests.ts';

interface Crd {
  readonly spec: {
    readonly names: { readonly kind: string };
    readonly versions: readonly {
      readonly schema: {
        readonly openAPIV3Schema: { readonly properties: Record<string, Record<string, unknown>> };
      };
    }[];
  };
}

/** Parts of a schema that have a default; a field may be called so. */
function withDefault(schema: unknown): unknown[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties = {}, ...own } = schema as { readonly properties?: object };
  const inner = [...Object.values(properties), ...Object.values(own)].flatMap(withDefault);
  return 'default' in own ? [schema, ...inner] : inner;
}

const crds = buildCrds(connectors) as unknown as Crd[];

describe.each(crds.map((crd) => [crd.spec.names.kind, crd] as const))('the schema of %s', (kind, crd) => {
  const { properties } = crd.spec.versions[0]!.schema.openAPIV3Schema;

  test('bounds every string, list and map, and describes every field', () => {
    expect([
      ...unbounded(properties['spec']!, 'spec'),
      ...unbounded(properties['status']!, 'status'),
    ]).toEqual([]);
  });

  test('has no default below spec; a SyncRun has none at all', () => {
    expect(withDefault(properties['spec'])).toEqual([]);
    if (kind === 'SyncRun') expect(withDefault(properties['status'])).toEqual([]);
    else expect(properties['status']?.['default']).toEqual({ observedGeneration: -1 });
  });

  test('is structural: every part has a type', () => {
    const untyped = JSON.stringify(properties).match(/\{"enum":\[[^\]]*\](?!.*?"type")/u);
    expect(untyped).toBeNull();
  });
});
