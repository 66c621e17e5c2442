// SPDX-License-Identifier: Apache-2.0
import type { TSchema } from 'typebox';
import { externalSystemSpecSchema, type ConnectorSchema } from './crd.ts';
import { parseDurationMs } from './duration.ts';
import type { AuthType, ExternalSystemSpec } from './external-system.ts';
import type { Mapping } from './mapping.ts';
import { roleChoiceProblems, roleMappingProblems } from './role-mapping-problems.ts';
import type { RoleMapping, RoleSource } from './role-mappings.ts';
import { apiVersion, externalSystemKind, syncRunKind } from './group.ts';
import { schemaProblems, type Problem } from './schema-problems.ts';
import { SyncRunSpecSchema } from './sync-run.ts';

export type { Problem } from './schema-problems.ts';

export interface ValidatedConnector extends ConnectorSchema {
  readonly auth: readonly AuthType[];
  readonly roleSources: readonly RoleSource[];
  /** What is wrong with a block that fits its schema, together with the roles that are mapped. */
  blockProblems?(config: unknown, roleMappings: readonly RoleMapping[] | undefined): readonly Problem[];
  /** What is wrong with a mapping that fits its schema. */
  mappingProblems(mapping: Mapping | undefined): readonly Problem[];
}

/** Says what is wrong with a schedule, beginning with the field; handed in, since the api layer knows no calendar. */
export type ScheduleCheck = (schedule: ExternalSystemSpec['schedule']) => string | undefined;

interface Named {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly [field: string]: unknown;
}

/** Checks one manifest with the CRDs' own schemas and the rules that the API server checks by CEL. No values are quoted of Secrets. */
export function validateManifest(
  manifest: Named,
  connectors: readonly ValidatedConnector[],
  checkSchedule: ScheduleCheck,
): readonly Problem[] {
  if (manifest.kind === 'Secret') return secretProblems(manifest);
  if (manifest.kind !== externalSystemKind && manifest.kind !== syncRunKind) {
    return [
      {
        path: 'kind',
        message: `${manifest.kind} is not known; use ${externalSystemKind}, ${syncRunKind} or Secret`,
      },
    ];
  }
  const problems: Problem[] = [];
  if (manifest.apiVersion !== apiVersion) {
    problems.push({ path: 'apiVersion', message: `${manifest.apiVersion} is not known; use ${apiVersion}` });
  }
  problems.push(...nameProblems(manifest), ...unknownFields(manifest));
  if (manifest.kind === syncRunKind)
    return [...problems, ...schemaProblems(SyncRunSpecSchema, manifest['spec'], 'spec', 'syncrun')];
  return [...problems, ...specProblems(manifest['spec'], connectors, checkSchedule)];
}

/** What is wrong with the spec of an ExternalSystem. */
export function specProblems(
  spec: unknown,
  connectors: readonly ValidatedConnector[],
  checkSchedule: ScheduleCheck,
): readonly Problem[] {
  const problems = schemaProblems(specSchemaOf(connectors), spec, 'spec', 'externalsystem');
  // The rules read fields whose types the schema has just proven.
  if (problems.length === 0) return ruleProblems(spec as ExternalSystemSpec, connectors, checkSchedule);
  const { connector: block, roleMappings } = Object(spec) as Readonly<Record<string, unknown>>;
  const connector = connectors.find(({ id }) => Object.hasOwn(Object(block), id));
  return [...problems, ...roleChoiceProblems(roleMappings, connector?.roleSources ?? [])];
}

/** One schema for a list of connectors: a schema is compiled once, and that takes longer than a thousand checks. */
const specSchemas = new WeakMap<readonly ValidatedConnector[], TSchema>();

function specSchemaOf(connectors: readonly ValidatedConnector[]): TSchema {
  const schema = specSchemas.get(connectors) ?? externalSystemSpecSchema(connectors);
  specSchemas.set(connectors, schema);
  return schema;
}

function ruleProblems(
  spec: ExternalSystemSpec,
  connectors: readonly ValidatedConnector[],
  checkSchedule: ScheduleCheck,
): Problem[] {
  const problems: Problem[] = [];
  const { type, secretRef } = spec.auth;
  if (type !== 'None' && secretRef === undefined) {
    problems.push({
      path: 'spec.auth.secretRef',
      message: `is required for type ${type}; name the Secret with the credentials`,
    });
  }
  const connector = connectors.find(({ id }) => id in spec.connector);
  if (connector !== undefined && !connector.auth.includes(type)) {
    problems.push({
      path: 'spec.auth.type',
      message: `${type} does not fit connector ${connector.id}; use ${connector.auth.join(' or ')}`,
    });
  }
  if (connector !== undefined) {
    problems.push(...(connector.blockProblems?.(spec.connector[connector.id], spec.roleMappings) ?? []));
    problems.push(...connector.mappingProblems(spec.mapping));
    problems.push(...roleMappingProblems(spec.roleMappings, connector));
  }
  if (spec.schedule?.every !== undefined && spec.schedule.cron !== undefined) {
    problems.push({ path: 'spec.schedule', message: 'give every or cron, not both' });
  }
  problems.push(...durationProblems(spec));
  const softMs = parseDurationMs(spec.limits?.softTimeLimit ?? '25m') ?? 0;
  const hardMs = parseDurationMs(spec.limits?.hardTimeLimit ?? '30m') ?? 0;
  if (softMs > hardMs) {
    const { softTimeLimit = '25m by default', hardTimeLimit = '30m by default' } = spec.limits ?? {};
    problems.push({
      path: `spec.limits.${spec.limits?.softTimeLimit === undefined ? 'hardTimeLimit' : 'softTimeLimit'}`,
      message: `softTimeLimit (${softTimeLimit}) is longer than hardTimeLimit (${hardTimeLimit}); make softTimeLimit the shorter one`,
    });
  }
  const schedule = checkSchedule(spec.schedule);
  if (problems.length === 0 && schedule !== undefined) {
    const [path = 'spec.schedule', ...rest] = schedule.split(': ');
    problems.push({ path, message: rest.join(': ') });
  }
  return problems;
}

/** The bounds that the CRD checks by CEL, from the same rule texts. */
function durationProblems(spec: ExternalSystemSpec): Problem[] {
  const problems: Problem[] = [];
  const check = (path: string, value: string | undefined, minMs: number, maxMs: number, example: string) => {
    if (value === undefined) return;
    const ms = parseDurationMs(value);
    if (ms !== undefined && ms >= minMs && ms <= maxMs) return;
    problems.push({ path, message: `${value} is out of bounds; use ${example}` });
  };
  const yearMs = 8760 * 3_600_000;
  check('spec.schedule.every', spec.schedule?.every, 60_000, yearMs, '1m to 8760h');
  check('spec.schedule.fullEvery', spec.schedule?.fullEvery, 60_000, yearMs, '1m to 8760h');
  check('spec.schedule.jitter', spec.schedule?.jitter, 0, 24 * 3_600_000, '0s to 24h');
  check('spec.schedule.startingDeadline', spec.schedule?.startingDeadline, 10_000, yearMs, '10s to 8760h');
  check('spec.schedule.minimumInterval', spec.schedule?.minimumInterval, 0, yearMs, '0s to 8760h');
  check('spec.limits.softTimeLimit', spec.limits?.softTimeLimit, 5_000, 24 * 3_600_000, '5s to 24h');
  check('spec.retention.quarantine', spec.retention?.quarantine, 3_600_000, 10 * yearMs, '1h to 87600h');
  check('spec.limits.hardTimeLimit', spec.limits?.hardTimeLimit, 10_000, 25 * 3_600_000, '10s to 25h');
  return problems;
}

const topLevel: readonly string[] = ['apiVersion', 'kind', 'metadata', 'spec', 'status'];

function unknownFields(manifest: Named): Problem[] {
  return Object.keys(manifest)
    .filter((key) => !topLevel.includes(key))
    .map((key) => ({ path: key, message: `unknown field; a manifest has ${topLevel.join(', ')}` }));
}

const namePart = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const namePattern = new RegExp(`^${namePart}(\\.${namePart})*$`, 'u');

function nameProblems({ kind, metadata: { name } }: Named): Problem[] {
  const path = 'metadata.name';
  if (!namePattern.test(name)) {
    const form =
      'lower-case letters, digits and -, in parts with a dot between, each with a letter or digit at both ends';
    return [{ path, message: `${name.slice(0, 80)} is no valid name; use ${form}` }];
  }
  const [most, why] = kind === externalSystemKind ? [63, ', since runs carry it in their names'] : [253, ''];
  if (name.length <= most) return [];
  return [{ path, message: `has ${name.length} characters; use at most ${most}${why}` }];
}

function secretProblems(manifest: Named): Problem[] {
  const problems: Problem[] = [];
  for (const field of ['data', 'stringData'] as const) {
    const value = manifest[field];
    if (value === undefined) continue;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      problems.push({ path: field, message: 'must be a map of keys to text' });
      continue;
    }
    for (const [key, content] of Object.entries(value)) {
      if (typeof content !== 'string')
        problems.push({ path: `${field}.${key}`, message: 'must be text; put it in quotes' });
      else if (field === 'data' && !isBase64(content)) {
        problems.push({ path: `${field}.${key}`, message: 'is not base64; use stringData for plain text' });
      }
    }
  }
  return problems;
}

function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/\s]*={0,2}\s*$/u.test(text) && text.replaceAll(/\s/gu, '').length % 4 === 0;
}
