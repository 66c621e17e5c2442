// SPDX-License-Identifier: Apache-2.0
import { findProgram } from '../../kit/debian.ts';
import { startDomain } from '../../kit/samba/domain.ts';
import { accounts, seeded } from '../../kit/samba/seed.ts';
import { baseDN, dnsDomain } from '../../kit/samba/settings.ts';
import { withAccountType } from '../../simulators/ldap/account-types.ts';
import { domain, domainDn } from '../../simulators/ldap/domain.ts';
import { fakeDirectory, syncAccount } from '../../simulators/ldap/server.ts';
import type { DemoSystem, StartedSystem } from './demo-system.ts';

export const activeDirectoryDemo: DemoSystem = {
  id: 'activeDirectory',
  sample: 'active-directory.yaml',
  counts: 'users',
  defaultSize: seeded.users,
  look: 'SELECT name, user_name, department, active FROM demo_users ORDER BY name LIMIT 3',
  async start({ size }, say) {
    if (size !== seeded.users) return fake(size, `a domain of Samba always has ${seeded.users} users`);
    if ((await findProgram('samba')) === undefined) return fake(size, 'Samba is not installed');
    try {
      return await samba();
    } catch (error) {
      say(`Samba does not start: ${error instanceof Error ? error.message : String(error)}`);
      return fake(size, 'Samba does not start here');
    }
  },
};

/** A real domain controller, over TLS. */
async function samba(): Promise<StartedSystem> {
  const controller = await startDomain();
  const { name, password } = accounts.admin;
  return {
    what: `a Samba domain controller with ${seeded.users} users answers at ${controller.ldapsUrl}`,
    connector: { urls: [controller.ldapsUrl], baseDN, userBases: [baseDN] },
    roleMappings: [{ role: 'inventory-admin', group: 'Outer' }],
    secret: { username: `${name}@${dnsDomain}`, password, 'ca.crt': controller.ca },
    stop: async () => controller[Symbol.asyncDispose](),
  };
}

async function fake(size: number, why: string): Promise<StartedSystem> {
  const groups = Array.from({ length: Math.ceil(size / 25) }, (_, index) => 1 + (index % size));
  const entries = domain({ users: size, computers: Math.ceil(size / 10), groups }).map(withAccountType);
  const server = await fakeDirectory({ entries });
  return {
    what: `${why}: a fake directory server with ${size} users answers at ${server.url.href}, in the clear`,
    connector: { urls: [server.url.href.replace(/\/$/u, '')], baseDN: domainDn, userBases: [domainDn] },
    roleMappings: [{ role: 'inventory-admin', group: 'Group 0' }],
    secret: { username: syncAccount.name, password: syncAccount.password },
    stop: () => server.stop(),
  };
}
