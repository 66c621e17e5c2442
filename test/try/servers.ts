// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { apiVersion, externalSystemKind } from '../../src/api/group.ts';
import { resolveControlPlane } from '../kit/control-plane/resolve.ts';
import { startControlPlane } from '../kit/control-plane/start.ts';
import { embeddedPostgres, startPostgres } from '../kit/postgres/server.ts';
import { startDomain } from '../kit/samba/domain.ts';
import { accounts, seeded } from '../kit/samba/seed.ts';
import { baseDN, dnsDomain } from '../kit/samba/settings.ts';

export interface StartedServer {
  /** What answers, and where. */
  readonly what: string;
  /** How to use it, a line each. */
  readonly use: readonly string[];
  stop(): Promise<void>;
}

type Start = (folder: string, say: (line: string) => void) => Promise<StartedServer>;

/** By the name that a person gives. What they write goes into `folder`. */
export const servers: Readonly<Record<string, Start>> = { samba, postgres, apiserver };

async function samba(folder: string): Promise<StartedServer> {
  const domain = await startDomain();
  const { name, password } = accounts.admin;
  const username = `${name}@${dnsDomain}`;
  const file = join(folder, 'directory.yaml');
  const metadata = { name: 'directory', namespace: 'inventory' };
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { ...metadata, name: 'directory-login' },
    stringData: { username, password, 'ca.crt': domain.ca },
  };
  const system = {
    apiVersion,
    kind: externalSystemKind,
    metadata,
    spec: {
      connector: { activeDirectory: { urls: [domain.ldapsUrl], baseDN } },
      auth: { type: 'Basic', secretRef: { name: secret.metadata.name } },
    },
  };
  await writeFile(file, `${dump(secret)}---\n${dump(system)}`, { mode: 0o600 });
  return {
    what: `a domain controller of ${dnsDomain} with ${seeded.users} users answers at ${domain.ldapsUrl} and ${domain.ldapUrl}`,
    use: [
      `system, password and authority: ${file}`,
      `npx extsys sync -f ${file} --store sqlite:inventory.db`,
      `its files, for samba-tool: -H ${join(domain.folder, 'private/sam.ldb')} -s ${join(domain.folder, 'etc/smb.conf')}`,
    ],
    stop: async () => domain[Symbol.asyncDispose](),
  };
}

async function postgres(): Promise<StartedServer> {
  const server = await startPostgres(await embeddedPostgres());
  return {
    what: `PostgreSQL answers at ${server.url}, without a password`,
    use: [`--store '${server.url}'`],
    stop: () => server.stop(),
  };
}

async function apiserver(_: string, say: (line: string) => void): Promise<StartedServer> {
  const binaries = await resolveControlPlane({ progress: say, allowBuild: true });
  const plane = await startControlPlane(binaries);
  const { server } = plane.address;
  return {
    what: `Kubernetes answers at ${server}; nothing but its API server runs, so no pods`,
    use: [
      `export KUBECONFIG=${plane.kubeconfigPath}`,
      `${binaries.kubectl} apply -f crds/ && ${binaries.kubectl} create namespace inventory`,
      'bin/extsys operator --store sqlite:inventory.db --allow-insecure-upstreams',
    ],
    stop: () => plane.stop(),
  };
}
