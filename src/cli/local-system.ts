// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { apiVersion, externalSystemKind } from '../api/group.ts';
import type { ExternalSystemSpec } from '../api/external-system.ts';
import type { ExternalSystem } from '../api/resource.ts';
import type { Problem } from '../api/validate.ts';
import { secretLacks } from '../connector/credentials.ts';
import { expiredLogin } from '../connector/credentials-end.ts';
import { InputError, isRecord, type Manifest } from './manifests.ts';

export interface LocalSystem {
  readonly system: ExternalSystem;
  /** Base64 values of the Secret that the system names; undefined when the file does not hold it. */
  readonly secret: Readonly<Record<string, string>> | undefined;
}

type Validate = (manifest: Manifest) => readonly Problem[];

/** The one ExternalSystem of a file and its Secret. Throws InputError with every problem of the spec. */
export function localSystem(manifests: readonly Manifest[], validate: Validate): LocalSystem {
  const systems = manifests.filter(({ kind }) => kind === externalSystemKind);
  const [manifest] = systems;
  if (manifest === undefined) throw new InputError('the file holds no ExternalSystem');
  if (systems.length > 1) {
    const names = systems.map(({ metadata }) => metadata.name).join(', ');
    throw new InputError(`the file holds ${systems.length} ExternalSystems (${names}); give one`);
  }
  refuse(manifest, validate(manifest));
  const system = withMetadata(manifest);
  const secret = secretFor(manifests, system.spec.auth.secretRef?.name, system.metadata.namespace);
  if (secret === undefined) return { system, secret: undefined };
  refuse(secret, validate(secret));
  return { system, secret: valuesOf(secret) };
}

/** What is wrong with a Secret for the systems of the same file that log in with it. The manifests themselves may be wrong still. */
export function loginProblems(
  manifests: readonly Manifest[],
  secret: Manifest,
  now: Date,
): readonly Problem[] {
  const types = manifests.flatMap(({ kind, metadata, spec }) => {
    const auth =
      isRecord(spec) && isRecord(spec['auth']) ? (spec['auth'] as Partial<ExternalSystemSpec['auth']>) : {};
    const uses =
      kind === externalSystemKind &&
      secretFor(manifests, auth.secretRef?.name, metadata.namespace) === secret;
    return uses && auth.type !== undefined ? [auth.type] : [];
  });
  const data = valuesOf(secret);
  return [...new Set(types)].flatMap((type) => [
    ...secretLacks(type, data),
    ...expiredLogin(type, data, now),
  ]);
}

/** Every problem at once, so that one look at the file mends all. */
function refuse(manifest: Manifest, problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  throw new InputError(problems.map((problem) => describeProblem(manifest, problem)).join('\n'));
}

export function describeProblem(manifest: Manifest, problem: Problem): string {
  return `${manifest.kind} ${manifest.metadata.name}: ${problem.path}: ${problem.message}`;
}

/** A file has no uid and no generation: the uid is made from the name, so that it is the same in every run. */
function withMetadata(manifest: Manifest): ExternalSystem {
  const namespace = manifest.metadata.namespace ?? 'default';
  const { name } = manifest.metadata;
  const uid = `file-${hash('sha256', `${namespace}/${name}`, 'hex').slice(0, 32)}`;
  return {
    ...manifest,
    apiVersion,
    kind: externalSystemKind,
    metadata: {
      uid,
      generation: 1,
      resourceVersion: '',
      creationTimestamp: new Date(0).toISOString(),
      ...manifest.metadata,
      name,
      namespace,
    },
  } as unknown as ExternalSystem;
}

function secretFor(
  manifests: readonly Manifest[],
  name: string | undefined,
  namespace = 'default',
): Manifest | undefined {
  return manifests.find(
    ({ kind, metadata }) =>
      kind === 'Secret' && metadata.name === name && (metadata.namespace ?? 'default') === namespace,
  );
}

function valuesOf(secret: Manifest): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  // Like the API server: data is base64 already, stringData wins over it.
  for (const [key, value] of entriesOf(secret['data'])) values[key] = value;
  for (const [key, value] of entriesOf(secret['stringData']))
    values[key] = Buffer.from(value, 'utf8').toString('base64');
  return values;
}

function entriesOf(value: unknown): [string, string][] {
  if (!isRecord(value)) return [];
  return Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
}
