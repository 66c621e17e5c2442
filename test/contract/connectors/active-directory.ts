// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { withAccountType } from '../../simulators/ldap/account-types.ts';
import { brokenEntry, hugeMessage, type Asked, type Behaviour } from '../../simulators/ldap/behaviour.ts';
import type { DirectoryEntry } from '../../simulators/ldap/directory.ts';
import { computer, domain, domainDn, domainRoot, group, user } from '../../simulators/ldap/domain.ts';
import { fakeDirectory, type FakeDirectory } from '../../simulators/ldap/server.ts';
import type { LdapHarness, Place, RunningSystem } from './harness.ts';
import type { LdapFault } from './ldap-faults.ts';

const account = { username: 'sync@corp.example.test', password: 'canary-of-the-sync-account-5518' };
const refusedText = '80090308: LdapErr: DSID-0C09050E, comment: AcceptSecurityContext error, data 52e, v4563';
/** Changes in the directory have numbers from here on. */
const firstChange = 1_000_001;
/** Names are asked for beside ids by no other stream; a group's members by its id, without a search for groups. */
function isOfRoles(attributes: readonly string[]): boolean {
  return attributes.includes('sAMAccountName') && attributes.includes('cn');
}

/** What each stream asks for tells them apart. */
function streamOf({ request }: Asked): string | undefined {
  if (request.operation !== 'search' || request.base === '') return undefined;
  const filter = request.filter.content.toString('latin1');
  const [first = ''] = request.attributes;
  if (isOfRoles(request.attributes)) return 'roleAssignments';
  if (/^objectGUID$/u.test(first)) return 'memberships';
  if (first !== 'objectguid') return undefined;
  if (filter.includes('computer')) return 'computers';
  return filter.includes('person') ? 'users' : 'groups';
}

/** One directory, and what is wrong with it at the moment. */
class Domain {
  readonly asked: (string | undefined)[] = [];
  readonly strays: string[] = [];
  readonly server: FakeDirectory;
  private readonly stray = createServer((socket) => {
    this.strays.push('a connection');
    socket.destroy();
  });
  private readonly counts = new Map<string | undefined, number>();
  private armed: { kind: LdapFault; at: Place; times: number; hits: number } | undefined;
  private quotes = false;
  /** Stream of the newest request that belongs to one. */
  private newest: string | undefined;
  private change = firstChange;

  constructor(server: FakeDirectory) {
    this.server = server;
    server.script = (asked) => this.met(asked);
  }

  async listen(): Promise<this> {
    await once(this.stray.listen(0, '127.0.0.1'), 'listening');
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop();
    await once(this.stray.close(), 'close');
  }

  fault(kind: LdapFault, at: Place, times = Infinity): () => number {
    this.forget();
    const armed = { kind, at, times, hits: 0 };
    this.armed = armed;
    return () => armed.hits;
  }

  lift(): void {
    this.armed = undefined;
    this.quotes = false;
    this.plant(undefined);
    this.forget();
  }

  quoteSecrets(): void {
    this.quotes = true;
  }

  /** In attributes that hold secrets, of every entry. */
  plant(canary: string | undefined): void {
    const { entries } = this.server.directory;
    for (const [index, { dn, attributes }] of entries.entries()) {
      const { unicodePwd: _, 'ms-Mcs-AdmPwd': __, ...others } = attributes;
      const secrets = canary === undefined ? {} : { unicodePwd: canary, 'ms-Mcs-AdmPwd': canary };
      entries[index] = { dn, attributes: { ...others, ...secrets } };
    }
  }

  /** Adds entries, or puts them in the place of those of their name, as the newest change. */
  put(...given: readonly DirectoryEntry[]): void {
    const { entries } = this.server.directory;
    for (const { dn, attributes } of given.map(withAccountType)) {
      const changed = { dn, attributes: { ...attributes, uSNChanged: String(this.change) } };
      const at = entries.findIndex((entry) => entry.dn === dn);
      entries.splice(at === -1 ? entries.length : at, at === -1 ? 0 : 1, changed);
      this.change += 1;
    }
    this.server.root = domainRoot(this.change);
  }

  /** Moves an entry to where deleted ones are kept, as a controller does. */
  remove({ dn }: DirectoryEntry): void {
    const { entries } = this.server.directory;
    const at = entries.findIndex((entry) => entry.dn === dn);
    const [gone] = entries.splice(at, 1);
    if (gone === undefined) throw new Error(`the directory has no ${dn}`);
    const name = dn.split(',')[0] ?? '';
    const { objectGUID, objectSid, objectClass } = gone.attributes;
    this.put({
      dn: `${name}\\0ADEL:${this.change},CN=Deleted Objects,${domainDn}`,
      attributes: {
        ...(objectGUID === undefined ? {} : { objectGUID }),
        ...(objectSid === undefined ? {} : { objectSid }),
        ...(objectClass === undefined ? {} : { objectClass }),
        isDeleted: 'TRUE',
        lastKnownParent: dn.slice(name.length + 1),
      },
    });
  }

  private forget(): void {
    this.asked.length = 0;
    this.counts.clear();
  }

  private met(asked: Asked): Behaviour {
    if (asked.operation === 'unbind') return undefined;
    const stream = this.streamOf(asked);
    const count = this.counts.get(stream) ?? 0;
    this.counts.set(stream, count + 1);
    this.asked.push(stream);
    const { armed } = this;
    // A password that has become wrong shows when a connection is made anew.
    const refused = armed?.kind === 'result 49, wrong password' && armed.hits > 0;
    if (refused && asked.operation === 'bind') return this.behaviour(armed.kind, asked);
    if (armed === undefined || armed.at.stream !== stream || count < armed.at.request) return undefined;
    if (armed.hits >= armed.times) return undefined;
    const behaviour = this.behaviour(armed.kind, asked);
    if (behaviour !== undefined) armed.hits += 1;
    return behaviour;
  }

  /** Role assignments come last, and ask for members as memberships do once they have found their group. */
  private streamOf(asked: Asked): string | undefined {
    const stream = streamOf(asked);
    const walked = stream === 'memberships' && this.newest === 'roleAssignments';
    this.newest = walked ? this.newest : (stream ?? this.newest);
    return walked ? this.newest : stream;
  }

  private behaviour(kind: LdapFault, { operation, request }: Asked): Behaviour {
    const quoted = this.quotes ? ` of ${account.username} with ${account.password}` : '';
    const result = (code: number, text: string): Behaviour => ({
      type: 'result',
      result: { code, text: `${text}${quoted}` },
    });
    const searches = operation === 'search';
    switch (kind) {
      case 'result 49, wrong password':
        return searches ? { type: 'cut', afterBytes: 0 } : result(49, refusedText);
      case 'result 50, insufficient rights':
        return result(50, '00002098: SecErr: DSID-03150F94, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0');
      case 'result 51, busy':
        return result(51, '00002024: SvcErr: DSID-02080490, problem 5001 (BUSY), data 0');
      case 'result 52, unavailable':
        return result(52, '00002050: SvcErr: DSID-02080491, problem 5002 (UNAVAILABLE), data 0');
      case 'reset':
        return { type: 'reset' };
      case 'cut off in a message':
        return { type: 'cut' };
      case 'silence':
        return { type: 'silent' };
      case 'a slow drip':
        return { type: 'drip', everyMs: 100 };
      case 'a huge message':
        return hugeMessage;
      case 'garbage entries':
        return searches ? brokenEntry(request.id) : undefined;
      case 'a referral': {
        const url = `ldap://127.0.0.1:${(this.stray.address() as AddressInfo).port}/${domainDn}`;
        return searches
          ? { type: 'result', result: { code: 10, text: `referral${quoted}`, referrals: [url] } }
          : undefined;
      }
      case 'result 4, size limit':
        return searches ? result(4, 'size limit exceeded') : undefined;
      case 'pages without end':
        return searches && request.operation === 'search' && request.pageSize !== undefined
          ? { type: 'page', entries: [], cookie: randomBytes(8) }
          : undefined;
      default:
        return unknownFault(kind);
    }
  }
}

function unknownFault(kind: never): never {
  throw new TypeError(`unknown fault ${String(kind)}`);
}

const added = { user: user(50), computer: computer(50), group: group(50, [user(50).dn]) };

function change(directory: Domain): void {
  directory.put(
    user(4, { title: 'Architect' }),
    computer(4, { operatingSystemVersion: '10.0 (26100)' }),
    {
      ...group(4, [user(0).dn]),
      attributes: { ...group(4, [user(0).dn]).attributes, description: 'Changed' },
    },
    ...Object.values(added),
  );
}

const one = { created: 1, updated: 1 };

export const activeDirectoryHarnesses: readonly LdapHarness[] = [
  {
    id: 'activeDirectory',
    transport: 'ldap',
    auth: 'Basic',
    secret: account,
    pageSize: 4,
    spec: { roleMappings: [{ role: 'staff', group: 'Group 0' }] },
    expected: {
      users: { records: 9, changed: one, deleted: 1 },
      groups: { records: 9, changed: one, deleted: 1 },
      computers: { records: 9, changed: one, deleted: 1 },
      roleAssignments: { records: 5, changed: { created: 0, updated: 0 }, deleted: 0 },
      memberships: { records: 26, changed: { created: 1, updated: 0 }, deleted: 1 },
    },
    unasked: [],
    without: {},
    // Amid a run the connection ends; the refusal is that of the next one.
    alsoMeans: { 'result 49, wrong password': ['unavailable'] },
    async start(): Promise<RunningSystem<LdapFault>> {
      const server = await fakeDirectory({
        accounts: { [account.username]: account.password },
        entries: domain({ users: 9, computers: 9, groups: [5, 4, 3, 2, 1, 3, 3, 3, 2] }).map(withAccountType),
      });
      const directory = await new Domain(server).listen();
      return {
        connector: { urls: [server.url.href], baseDN: domainDn },
        asked: directory.asked,
        strays: directory.strays,
        change: async () => change(directory),
        remove: async () => Object.values(added).forEach((entry) => directory.remove(entry)),
        fault: (kind, at, times) => directory.fault(kind, at, times),
        lift: () => directory.lift(),
        issued: () => [],
        quoteSecrets: () => directory.quoteSecrets(),
        plant: (canary) => directory.plant(canary),
        watch: () => undefined,
        [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
      };
    },
  },
];
