// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { dump, loadAll } from 'js-yaml';
import type { DemoSystem, StartedSystem } from './systems/demo-system.ts';

/** The project's own sample of a connector, pointed at a system; its rows are marked as demo data. */
export async function sampleManifests(
  { id, sample }: Pick<DemoSystem, 'id' | 'sample'>,
  { connector, secret, roleMappings }: Pick<StartedSystem, 'connector' | 'secret' | 'roleMappings'>,
): Promise<string> {
  const file = new URL(`../../config/samples/${sample}`, import.meta.url);
  const documents = loadAll(await readFile(file, 'utf8')) as Record<string, unknown>[];
  const changed = documents.map((document) => {
    if (document['kind'] === 'Secret') return { ...document, stringData: { ...secret } };
    if (document['kind'] !== 'ExternalSystem') return document;
    const spec = document['spec'] as { connector: Readonly<Record<string, object>> };
    const block = { [id]: { ...spec.connector[id], ...connector } };
    const roles = roleMappings === undefined ? {} : { roleMappings };
    return {
      ...document,
      spec: { ...spec, connector: block, ...roles, schedule: { every: '1m' }, demo: true },
    };
  });
  return changed.map((document) => dump(document)).join('---\n');
}

/** The names of the objects, as `Secret servicenow-login`. */
export function namesIn(manifests: string): readonly { readonly kind: string; readonly name: string }[] {
  const documents = loadAll(manifests) as { kind: string; metadata: { name: string } }[];
  return documents.map(({ kind, metadata }) => ({ kind, name: metadata.name }));
}

/** The same manifests in another namespace. */
export function inNamespace(manifests: string, namespace: string): string {
  const documents = loadAll(manifests) as { metadata: object }[];
  return documents
    .map((document) => dump({ ...document, metadata: { ...document.metadata, namespace } }))
    .join('---\n');
}
