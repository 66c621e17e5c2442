// SPDX-License-Identifier: Apache-2.0
import type { LdapClient, LdapEntry, LdapOptions, LdapSearch } from '../../../src/connector/ldap/client.ts';
import type { UpstreamOptions } from '../../../src/connector/upstream.ts';
import { certificate } from '../../kit/certificate.ts';
import { domainDn } from '../../simulators/ldap/domain.ts';
import { syncAccount } from '../../simulators/ldap/server.ts';
import { opened } from '../vendor.ts';

export const authority = certificate('test authority', { authority: true });
const leaf = certificate('dc1', { issuer: authority });

/** PEM of a server that is trusted by whoever trusts `authority`, as `localhost`. */
export const trustedTls = {
  cert: leaf.cert,
  key: leaf.key.export({ type: 'pkcs8', format: 'pem' }) as string,
};

/** The kit as a run opens it, and what a directory's client is given; `ldap` connects. */
export function kit(
  urls: URL | readonly URL[],
  options: Partial<LdapOptions> = {},
  upstream: Partial<UpstreamOptions> = {},
) {
  const up = opened('http://127.0.0.1', { ...upstream });
  const connect = (more: Partial<LdapOptions> = {}): Promise<LdapClient> =>
    up.ldap({
      ...{ urls: urls instanceof URL ? [urls] : urls, startTls: false, ...syncAccount },
      ...{ binaryAttributes: ['objectGUID', 'objectSid'], urlField: 'spec.connector.x.urls' },
      ...options,
      ...more,
    });
  return { ...up, connect };
}

export const allUsers: LdapSearch = {
  subject: 'users',
  base: domainDn,
  scope: 'sub',
  filter: '(&(objectCategory=person)(objectClass=user))',
  attributes: ['cn', 'objectGUID'],
  pageSize: 100,
};

/** Every entry of a search, with how its pages came. */
export async function readAll(client: LdapClient, search: LdapSearch = allUsers) {
  let entries: LdapEntry[] = [];
  const pages: number[] = [];
  let starts = 0;
  for await (const page of client.pages(search)) {
    if (page.start) {
      entries = [];
      starts += 1;
    }
    entries.push(...page.entries);
    pages.push(page.entries.length);
  }
  return { entries, pages, starts };
}
