// SPDX-License-Identifier: Apache-2.0
import { guidOf } from '../../../connectors/active-directory/guid.ts';
import type { DirectoryEntry } from '../../simulators/ldap/directory.ts';
import {
  domain,
  domainDn,
  domainRoot,
  group,
  guidBytes,
  sidBytes,
  user,
} from '../../simulators/ldap/domain.ts';
import { fakeDirectory, syncAccount, type FakeDirectory } from '../../simulators/ldap/server.ts';
import { Inventory, manifests, type Outcome } from './directory.ts';

/** Where the controller stands when a test begins: changes of the test count from here. */
export const firstUsn = 400_000;
const startUsers = 150;

/** A domain on the fake server, as Windows would have it, and an inventory that is filled from it. */
export class WindowsDomain extends Inventory {
  readonly server: FakeDirectory;
  private usn = firstUsn;

  private constructor(server: FakeDirectory) {
    super();
    this.server = server;
  }

  /** Users 0 to 149, whose primary group is Domain Users (513), and the groups. */
  static async start(groups: readonly DirectoryEntry[]): Promise<WindowsDomain> {
    const entries = [
      ...domain({}).map((entry) =>
        // Windows shows the container of deleted objects to those who may look into it.
        entry.dn.startsWith('CN=Deleted Objects')
          ? { ...entry, attributes: { ...entry.attributes, isDeleted: 'TRUE' } }
          : entry,
      ),
      ...userDns(0, startUsers).map((_dn, number) => account(number)),
      listing(513, [], { uSNChanged: '6001', objectSid: sidBytes(513) }),
      ...groups,
    ];
    const started = new WindowsDomain(await fakeDirectory({ entries }));
    started.server.root = domainRoot(firstUsn);
    started.server.directory.limits = { maxPageSize: 60, maxValRange: 100 };
    return started;
  }

  sync(
    options: { readonly spec?: object; readonly block?: object } = {},
    ...args: string[]
  ): Promise<Outcome> {
    const secret = { username: syncAccount.name, password: syncAccount.password };
    const block = { urls: [this.server.url.href], baseDN: domainDn, ...options.block };
    return this.run(manifests(block, options.spec ?? {}, secret), args);
  }

  full(options: { readonly spec?: object; readonly block?: object } = {}): Promise<Outcome> {
    return this.sync(options, '--mode', 'Full');
  }

  /** The next change: puts an entry in the place of the one of that DN, or adds it. */
  change(entry: DirectoryEntry, instead = entry.dn): void {
    this.usn += 1;
    const { entries } = this.server.directory;
    const at = entries.findIndex(({ dn }) => dn === instead);
    const attributes = { ...entry.attributes, uSNChanged: String(this.usn) };
    entries.splice(at === -1 ? entries.length : at, at === -1 ? 0 : 1, { ...entry, attributes });
    this.server.root = { ...this.server.root, highestCommittedUSN: String(this.usn) };
  }

  /** Numbers of the users that live in the list of a group by the inventory. */
  listed(number: number): number {
    const sql = 'SELECT count(*) AS n FROM memberships WHERE group_id = ? AND deleted_at IS NULL';
    return Number(this.rows(sql, groupId(number))[0]?.['n']);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await super[Symbol.asyncDispose]();
  }
}

export function account(number: number, more: DirectoryEntry['attributes'] = {}): DirectoryEntry {
  return user(number, { sAMAccountType: '805306368', ...more });
}

/** A security group that was changed long ago, when nothing else is said. */
export function listing(
  number: number,
  members: readonly string[],
  more: DirectoryEntry['attributes'] = {},
): DirectoryEntry {
  return group(number, members, {
    ...{ sAMAccountType: '268435456', uSNChanged: String(6000 + number) },
    ...more,
  });
}

/** DNs of users by number, the last one left out. */
export function userDns(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => user(from + index).dn);
}

export function groupId(number: number): string {
  return guidOf(guidBytes(2, number)) ?? '';
}

export function userId(number: number): string {
  return guidOf(guidBytes(1, number)) ?? '';
}
