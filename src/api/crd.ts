// SPDX-License-Identifier: Apache-2.0
import { Type, type TSchema } from 'typebox';
import { ExternalSystemStatusSchema, specFields } from './external-system.ts';
import {
  category,
  externalSystemKind,
  externalSystemPlural,
  group,
  syncRunKind,
  syncRunPlural,
  version,
} from './group.ts';
import { finalPhases, SyncRunSpecSchema, SyncRunStatusSchema } from './sync-run.ts';

/** What the CRD needs of a connector. */
export interface ConnectorSchema {
  readonly id: string;
  readonly title: string;
  readonly config: TSchema;
}

/** The whole spec of an ExternalSystem, with one optional block per connector of which exactly one is given. */
export function externalSystemSpecSchema(connectors: readonly ConnectorSchema[]): TSchema {
  const blocks = connectors.map(({ id, config }) => [id, Type.Optional(config)] as const);
  return Type.Object(
    {
      connector: Type.Object(Object.fromEntries(blocks), {
        additionalProperties: false,
        minProperties: 1,
        maxProperties: 1,
        description: 'The external system: exactly one member, named after its connector.',
      }),
      ...specFields,
    },
    { additionalProperties: false, description: 'What to read, how to log in, and when.' },
  );
}

type Json = Record<string, unknown>;

/** The two CustomResourceDefinitions (apiextensions.k8s.io/v1) as plain objects. */
export function buildCrds(connectors: readonly ConnectorSchema[]): Json[] {
  return [externalSystemCrd(connectors), syncRunCrd()];
}

function externalSystemCrd(connectors: readonly ConnectorSchema[]): Json {
  return crd({
    kind: externalSystemKind,
    plural: externalSystemPlural,
    shortName: 'xsys',
    description: 'A connection to one vendor system that the inventory is kept in step with.',
    spec: structural(externalSystemSpecSchema(connectors)),
    // Without it, tools that judge by kstatus take a new object for ready before it was looked at.
    status: { ...structural(ExternalSystemStatusSchema), default: { observedGeneration: -1 } },
    rules: [
      {
        rule: 'size(self.metadata.name) <= 63',
        message: 'metadata.name may have at most 63 characters: runs carry it in their names',
      },
    ],
    columns: [
      { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
      { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
      { name: 'Last Run', type: 'string', jsonPath: '.status.lastRun.phase' },
      { name: 'Last Success', type: 'date', jsonPath: '.status.lastSuccessTime' },
      { name: 'Next Run', type: 'string', jsonPath: '.status.nextRunTime' },
      { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
      { name: 'Suspended', type: 'boolean', jsonPath: '.spec.suspend', priority: 1 },
      {
        name: 'Message',
        type: 'string',
        jsonPath: '.status.conditions[?(@.type=="Ready")].message',
        priority: 1,
      },
    ],
  });
}

function syncRunCrd(): Json {
  const frozen = `[${finalPhases.map((phase) => `'${phase}'`).join(', ')}]`;
  return crd({
    kind: syncRunKind,
    plural: syncRunPlural,
    shortName: 'run',
    description: 'One run of one ExternalSystem: frozen spec, and a status that freezes when the run ends.',
    spec: {
      ...structural(SyncRunSpecSchema),
      'x-kubernetes-validations': [
        { rule: 'self == oldSelf', message: 'spec of a SyncRun cannot be changed; create another run' },
      ],
    },
    status: structural(SyncRunStatusSchema),
    rules: [
      {
        rule: `!has(oldSelf.status) || !has(oldSelf.status.phase) || !(oldSelf.status.phase in ${frozen}) || (has(self.status) && self.status == oldSelf.status)`,
        message: 'status of a SyncRun that has ended cannot be changed or erased',
      },
      {
        rule: '!has(oldSelf.status) || !has(oldSelf.status.attempt) || (has(self.status) && has(self.status.attempt) && self.status.attempt >= oldSelf.status.attempt)',
        message: 'status.attempt only grows',
      },
    ],
    columns: [
      { name: 'System', type: 'string', jsonPath: '.spec.systemRef.name' },
      { name: 'Mode', type: 'string', jsonPath: '.spec.mode' },
      { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
      { name: 'Fetched', type: 'integer', jsonPath: '.status.totals.fetched' },
      { name: 'Created', type: 'integer', jsonPath: '.status.totals.created' },
      { name: 'Updated', type: 'integer', jsonPath: '.status.totals.updated' },
      { name: 'Deleted', type: 'integer', jsonPath: '.status.totals.deleted' },
      { name: 'Failed', type: 'integer', jsonPath: '.status.totals.failed' },
      { name: 'Failure', type: 'string', jsonPath: '.status.failure.code' },
      { name: 'Started', type: 'date', jsonPath: '.status.startTime' },
      { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
      { name: 'Trigger', type: 'string', jsonPath: '.spec.trigger', priority: 1 },
      { name: 'Message', type: 'string', jsonPath: '.status.failure.message', priority: 1 },
    ],
    selectable: ['.spec.systemRef.name', '.status.phase'],
  });
}

interface CrdParts {
  readonly kind: string;
  readonly plural: string;
  readonly shortName: string;
  readonly description: string;
  readonly spec: Json;
  readonly status: Json;
  readonly rules: readonly Json[];
  readonly columns: readonly Json[];
  readonly selectable?: readonly string[];
}

function crd(parts: CrdParts): Json {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${parts.plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: {
        kind: parts.kind,
        listKind: `${parts.kind}List`,
        plural: parts.plural,
        singular: parts.kind.toLowerCase(),
        shortNames: [parts.shortName],
        categories: [category],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: parts.columns,
          ...(parts.selectable === undefined
            ? {}
            : { selectableFields: parts.selectable.map((jsonPath) => ({ jsonPath })) }),
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description: parts.description,
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string', description: 'Version of the schema of this object.' },
                kind: { type: 'string', description: 'Kind of this object.' },
                metadata: { type: 'object' },
                spec: parts.spec,
                status: parts.status,
              },
              'x-kubernetes-validations': parts.rules,
            },
          },
        },
      ],
    },
  };
}

/**
 * A TypeBox schema as a structural schema: every part has a type, and what the API server does not take is left out.
 * `additionalProperties: false` is: a structural schema prunes unknown fields, and strict validation refuses them.
 */
export function structural(schema: unknown): Json {
  const source = schema as Json;
  const result: Json = {};
  for (const [key, value] of Object.entries(source)) {
    if (key === 'additionalProperties' && value === false) continue;
    if (key === 'pattern' && isRule(source)) continue;
    if (key === 'patternProperties') result['additionalProperties'] = structural(anyValue(value as Json));
    else if (key === 'properties') result[key] = mapValues(value as Json, structural);
    else if (key === 'items') result[key] = structural(value);
    else result[key] = value;
  }
  if ('enum' in source && !('type' in source)) result['type'] = 'string';
  return result;
}

/** Whether a rule with words of its own checks the pattern too: the API server would tell the bare pattern as well. */
function isRule({ pattern, 'x-kubernetes-validations': rules = [] }: Json): boolean {
  return (rules as readonly Json[]).some(({ rule }) => rule === `self.matches(r'${String(pattern)}')`);
}

/** The schema of a map's values. Keys have no schema in a structural one, so only a map of any keys can be told. */
function anyValue(patterns: Json): unknown {
  const [schema, ...others] = Object.values(patterns);
  if (others.length > 0) throw new TypeError('a map with several patterns of keys has no structural schema');
  return schema;
}

function mapValues(map: Json, change: (value: unknown) => Json): Json {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}
