// SPDX-License-Identifier: Apache-2.0
import type { DirectoryEntry } from '../../simulators/ldap/directory.ts';
import { domain, domainDn, domainRoot, group, guidBytes, user } from '../../simulators/ldap/domain.ts';
import { fakeDirectory, syncAccount, type FakeDirectory } from '../../simulators/ldap/server.ts';
import { guidOf } from '../../../connectors/active-directory/guid.ts';
import { Inventory, manifests } from './directory.ts';

/** Of the controller, when the domain is made. */
export const firstUsn = 400_000;
const userType = { sAMAccountType: '805306368' };
const groupType = { sAMAccountType: '268435456' };

export const person = (number: number, more: DirectoryEntry['attributes'] = {}) =>
  user(number, { ...userType, ...more });

/** Of the users of these numbers. */
export const groupOf = (number: number, members: readonly number[], usn = 6_000 + number) =>
  group(
    number,
    members.map((one) => user(one).dn),
    { ...groupType, uSNChanged: String(usn) },
  );

export const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

/** A domain controller with the content of a domain, as far as it has it. */
export interface ControllerState {
  readonly entries: readonly DirectoryEntry[];
  readonly root: DirectoryEntry['attributes'];
}

/** What the second controller says of itself: its own name, settings and count of changes. */
export function secondRoot(usn = 90_000): DirectoryEntry['attributes'] {
  const root = domainRoot(usn);
  const dsServiceName = String(root['dsServiceName']).replace('CN=DC1', 'CN=DC2');
  return { ...root, dnsHostName: 'dc2.corp.example.test', dsServiceName };
}

/** The same objects as another controller has them, with its own settings beside those of the first. */
export function atSecond(entries: readonly DirectoryEntry[]): readonly DirectoryEntry[] {
  const settings = entries.find(({ dn }) => dn.startsWith('CN=NTDS Settings,CN=DC1,'));
  if (settings === undefined) throw new Error('no settings of the first controller');
  const { attributes } = settings;
  const dn = settings.dn.replace('CN=DC1', 'CN=DC2');
  return [...entries, { dn, attributes: { ...attributes, invocationId: guidBytes(9, 2) } }];
}

/** A small domain on our own server, and the inventory that is filled from it. */
export class FakeDomain implements AsyncDisposable {
  server: FakeDirectory;
  readonly inventory = new Inventory();
  /** Of `spec.connector.activeDirectory.urls`. */
  urls: readonly string[];

  private constructor(server: FakeDirectory) {
    this.server = server;
    this.urls = [server.url.href];
  }

  static async start(entries: readonly DirectoryEntry[]): Promise<FakeDomain> {
    const server = await fakeDirectory({ entries: [...domain({}), ...entries] });
    server.root = domainRoot(firstUsn);
    return new FakeDomain(server);
  }

  sync(spec: object = {}, ...args: string[]) {
    const { name: username, password } = syncAccount;
    const block = { urls: this.urls, baseDN: domainDn };
    return this.inventory.run(manifests(block, spec, { username, password }), args);
  }

  full(spec: object = {}) {
    return this.sync(spec, '--mode', 'Full');
  }

  get state(): ControllerState {
    return { entries: [...this.server.directory.entries], root: this.server.root };
  }

  /** Another controller answers behind the address, or the same one in another state. */
  become({ entries, root }: ControllerState): void {
    this.server.directory.entries.splice(0, Infinity, ...entries);
    this.server.root = root;
  }

  put(...entries: readonly DirectoryEntry[]): void {
    for (const entry of entries) {
      this.remove(entry.dn);
      this.server.directory.entries.push(entry);
    }
  }

  remove(dn: string): void {
    const at = this.server.directory.entries.findIndex((entry) => entry.dn === dn);
    if (at >= 0) this.server.directory.entries.splice(at, 1);
  }

  listed(groupNumber: number): unknown {
    const id = guidOf(guidBytes(2, groupNumber)) ?? '';
    const sql = 'SELECT count(*) AS n FROM memberships WHERE group_id = ? AND deleted_at IS NULL';
    return this.inventory.rows(sql, id)[0]?.['n'];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.inventory[Symbol.asyncDispose]();
  }
}
