// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { dump, loadAll } from 'js-yaml';

const sampleFile = new URL('../../config/samples/servicenow-cmdb.yaml', import.meta.url);

export interface DemoLogin {
  readonly username: string;
  readonly password: string;
}

/** The project's own sample, pointed at the emulator; its rows are marked as demo data. */
export async function sampleManifests(url: string, login: DemoLogin): Promise<string> {
  const documents = loadAll(await readFile(sampleFile, 'utf8')) as Record<string, unknown>[];
  const changed = documents.map((document) => {
    if (document['kind'] === 'Secret') return { ...document, stringData: { ...login } };
    if (document['kind'] !== 'ExternalSystem') return document;
    const spec = document['spec'] as { connector: { serviceNowCmdb: object } };
    const connector = { serviceNowCmdb: { ...spec.connector.serviceNowCmdb, url } };
    return { ...document, spec: { ...spec, connector, schedule: { every: '1m' }, demo: true } };
  });
  return changed.map((document) => dump(document)).join('---\n');
}

/** The same manifests in another namespace. */
export function inNamespace(manifests: string, namespace: string): string {
  const documents = loadAll(manifests) as { metadata: object }[];
  return documents
    .map((document) => dump({ ...document, metadata: { ...document.metadata, namespace } }))
    .join('---\n');
}
