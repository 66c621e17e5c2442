// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { connectors } from '../../connectors/index.ts';
import { buildCrds } from '../../src/api/crd.ts';
import { unbounded, withDefault } from '../kit/manifests.ts';

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
