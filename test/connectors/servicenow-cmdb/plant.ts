// SPDX-License-Identifier: Apache-2.0
import { Instance, type Stored } from './instance.ts';

/** An id of 32 hex digits that sorts like its number. */
export function id(number: number): string {
  return number.toString(16).padStart(32, '0');
}

export function item(number: number, className = 'cmdb_ci_server', fields: Stored = {}): Stored {
  return {
    sys_id: id(number),
    sys_class_name: className,
    name: `item-${number}`,
    sys_created_on: '2025-01-01 00:00:00',
    sys_updated_on: '2025-06-01 00:00:00',
    ...fields,
  };
}

const base = {
  sys_id: 'GUID',
  sys_class_name: 'sys_class_name',
  name: 'string',
  sys_created_on: 'glide_date_time',
  sys_updated_on: 'glide_date_time',
  sys_mod_count: 'integer',
};

export type Planted = { readonly instance: Instance; readonly url: string } & AsyncDisposable;

/** The same with so many servers, at today's time, and a login. */
export async function plantServers(count: number, login: NonNullable<Instance['login']>): Promise<Planted> {
  const planted = await plant();
  planted.instance.login = login;
  planted.instance.now = new Date();
  planted.instance.putItems(...Array.from({ length: count }, (_, index) => item(index + 1)));
  return planted;
}

/** An instance with a small class tree: cmdb_ci > computer > server > linux, win. */
export async function plant(): Promise<Planted> {
  const instance = new Instance();
  instance.addClass('cmdb_ci', undefined, { ...base, install_status: 'integer', duplicate_of: 'reference' });
  instance.addClass('cmdb_ci_computer', 'cmdb_ci', { os: 'string', ram: 'integer' });
  instance.addClass('cmdb_ci_server', 'cmdb_ci_computer', {
    used_for: 'string',
    admin_password: 'password2',
  });
  instance.addClass('cmdb_ci_linux_server', 'cmdb_ci_server', { kernel_release: 'string' });
  instance.addClass('cmdb_ci_win_server', 'cmdb_ci_server', { u_license_key: 'string' });
  const others = ['cmdb_rel_ci', 'sys_user', 'sys_user_group', 'sys_user_grmember', 'sys_audit_delete'];
  for (const table of [...others, 'cmdb_ci']) instance.put(table);
  const url = await instance.start();
  return { instance, url, [Symbol.asyncDispose]: () => instance[Symbol.asyncDispose]() };
}
