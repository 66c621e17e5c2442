// SPDX-License-Identifier: Apache-2.0
import type { Instance } from '../../connectors/servicenow-cmdb/instance.ts';
import { id, item, plant } from '../../connectors/servicenow-cmdb/plant.ts';

export interface ServiceNowOptions {
  /** The same seed gives the same data. */
  readonly seed: number;
  readonly counts: { readonly servers: number };
  readonly basic: { readonly username: string; readonly password: string };
}

const systems = ['Linux Red Hat', 'Windows 2022 Standard', 'SLES', 'Ubuntu'] as const;
const changed = '2025-06-01 00:00:00';

/** A small ServiceNow over real HTTP, filled with plausible servers, their relations, users, groups and members. */
export async function startServiceNow(options: ServiceNowOptions) {
  const { instance, url } = await plant();
  instance.login = { ...options.basic };
  instance.now = new Date();
  fill(instance, options);
  return { url, instance, stop: () => instance[Symbol.asyncDispose]() };
}

function fill(instance: Instance, { seed, counts }: ServiceNowOptions): void {
  const people = Math.max(1, Math.ceil(counts.servers / 10));
  const groups = Math.max(1, Math.ceil(people / 10));
  instance.putItems(
    ...Array.from({ length: counts.servers }, (_, index) => {
      const linux = (index + seed) % 3 !== 0;
      return item(index + 1, linux ? 'cmdb_ci_linux_server' : 'cmdb_ci_win_server', {
        name: `${linux ? 'lnx' : 'win'}-${String(index + seed).padStart(6, '0')}`,
        os: systems[(index + seed) % systems.length],
        ram: String(2048 * (1 + ((index + seed) % 16))),
        install_status: index % 50 === 0 ? '7' : '1',
        used_for: index % 4 === 0 ? 'Test' : 'Production',
      });
    }),
  );
  instance.put(
    'cmdb_rel_ci',
    ...Array.from({ length: Math.max(0, counts.servers - 1) }, (_, index) => ({
      sys_id: id(10_000_000 + index),
      parent: id(index + 1),
      child: id(index + 2),
      type: { value: id(1), display_value: 'Depends on::Used by' },
      sys_updated_on: changed,
    })),
  );
  instance.put(
    'sys_user',
    ...Array.from({ length: people }, (_, index) => ({
      sys_id: id(20_000_000 + index),
      user_name: `user.${index}`,
      name: `User ${index}`,
      email: `user.${index}@example.com`,
      active: 'true',
      sys_updated_on: changed,
    })),
  );
  instance.put(
    'sys_user_group',
    ...Array.from({ length: groups }, (_, index) => ({
      sys_id: id(30_000_000 + index),
      name: `Group ${index}`,
      active: 'true',
      sys_updated_on: changed,
    })),
  );
  instance.put(
    'sys_user_grmember',
    ...Array.from({ length: people }, (_, index) => ({
      sys_id: id(40_000_000 + index),
      user: id(20_000_000 + index),
      group: id(30_000_000 + (index % groups)),
      sys_updated_on: changed,
    })),
  );
}
