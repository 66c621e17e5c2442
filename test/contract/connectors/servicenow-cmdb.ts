// SPDX-License-Identifier: Apache-2.0
import type { Dialect } from '../../kit/faulty-proxy.ts';
import { ServiceNow, startServiceNow } from '../../simulators/servicenow/index.ts';
import { behindProxy } from './behind-proxy.ts';
import type { HttpHarness } from './harness.ts';

const streams: Readonly<Record<string, string>> = {
  cmdb_rel_ci: 'relationships',
  sys_user: 'users',
  sys_user_group: 'groups',
  sys_user_grmember: 'memberships',
};

const dialect: Dialect = {
  streamOf({ url }) {
    const table = /^\/api\/now\/table\/(\w+)$/u.exec(url.pathname)?.[1] ?? '';
    return table.startsWith('cmdb_ci') ? 'cis' : streams[table];
  },
  rowsOf(body) {
    const { result } = (body ?? {}) as { result?: unknown };
    return Array.isArray(result) ? result : undefined;
  },
  withRows: (body, result) => ({ ...(body as object), result }),
  refusal: (message, { url }) =>
    url.pathname.endsWith('/oauth_token.do')
      ? { error: 'access_denied', error_description: message }
      : { error: { message, detail: '' }, status: 'failure' },
};

/** Changes one row of each table and adds one. */
function change(instance: ServiceNow): void {
  instance.update('cmdb_ci', ServiceNow.id('0c', 4), { fqdn: 'renamed.example.com' });
  instance.update('cmdb_rel_ci', ServiceNow.id('1d', 4), {
    type: { value: ServiceNow.id('1d', 99), display_value: 'Runs on::Runs' },
  });
  instance.update('sys_user', ServiceNow.id('1a', 4), { title: 'Architect' });
  instance.update('sys_user_group', ServiceNow.id('1b', 4), { description: 'Looks after everything' });
  instance.insert('cmdb_ci', {
    ...{ sys_id: ServiceNow.id('0c', 50), name: 'lnx-new', install_status: '1', operational_status: '1' },
    sys_class_name: { value: 'cmdb_ci_linux_server', display_value: 'Linux Server' },
  });
  instance.insert('cmdb_rel_ci', {
    ...{ sys_id: ServiceNow.id('1d', 50), parent: ServiceNow.id('0c', 50), child: ServiceNow.id('0c', 1) },
    type: { value: ServiceNow.id('1d', 99), display_value: 'Runs on::Runs' },
  });
  instance.insert('sys_user', {
    sys_id: ServiceNow.id('1a', 50),
    user_name: 'user.50',
    name: 'User 50',
    active: 'true',
  });
  instance.insert('sys_user_group', { sys_id: ServiceNow.id('1b', 50), name: 'Team 50', active: 'true' });
  instance.insert('sys_user_grmember', {
    sys_id: ServiceNow.id('1c', 50),
    user: ServiceNow.id('1a', 50),
    group: ServiceNow.id('1b', 50),
  });
}

function remove(instance: ServiceNow): void {
  instance.remove('cmdb_ci', ServiceNow.id('0c', 7));
  instance.remove('cmdb_rel_ci', ServiceNow.id('1d', 7));
  instance.remove('sys_user', ServiceNow.id('1a', 7));
  instance.remove('sys_user_group', ServiceNow.id('1b', 7));
  instance.remove('sys_user_grmember', ServiceNow.id('1c', 7));
}

const basic = { username: 'reader', password: 'canary-of-the-reader-6620' };
const oauth = { clientId: 'client-1', clientSecret: 'canary-of-the-client-4471', tokenSeconds: 1800 };
const one = { created: 1, updated: 1 };

const shared = {
  id: 'serviceNowCmdb',
  transport: 'http',
  pageSize: 5,
  expected: {
    cis: { records: 12, changed: one, deleted: 1 },
    relationships: { records: 12, changed: one, deleted: 1 },
    users: { records: 12, changed: one, deleted: 1 },
    groups: { records: 11, changed: one, deleted: 1 },
    // A row is its two ends: one that changes is another membership.
    memberships: { records: 12, changed: { created: 1, updated: 0 }, deleted: 1 },
  },
  unasked: ['stored-secret-of-the-instance', 'stored-hash-of-the-instance'],
  without: {
    'the same link again': 'answers hold no links; the next page is asked for by the last sys_id',
    'a link to another host': 'answers hold no links; the next page is asked for by the last sys_id',
  },
  // A client that the token endpoint refuses.
  alsoMeans: { 'status 403': ['credentials'] },
  async start() {
    let passedMs = 0;
    const instance = await startServiceNow({
      seed: 1,
      now: () => new Date(Date.now() + passedMs),
      counts: { servers: 12, relationships: 12, users: 12, groups: 11 },
      ...{ basic, oauth },
    });
    const block = { classes: ['cmdb_ci_server'], relationships: true, users: true, groups: true };
    return behindProxy({
      url: instance.url,
      dialect,
      connector: (url) => ({ url, ...block }),
      change() {
        change(instance);
        // The newest edits are left to the next run.
        passedMs += 600_000;
      },
      remove: () => remove(instance),
      stop: () => instance.stop(),
    });
  },
} as const satisfies Partial<HttpHarness>;

const { clientId, clientSecret } = oauth;

export const serviceNowHarnesses: readonly HttpHarness[] = [
  { ...shared, auth: 'OAuth2', secret: { clientId, clientSecret } },
  { ...shared, auth: 'Basic', secret: basic },
];
