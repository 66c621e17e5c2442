// SPDX-License-Identifier: Apache-2.0
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ended, spawnTied } from './control-plane/child.ts';
import { freePort } from './control-plane/settings.ts';
import { ensurePrograms, findProgram } from './debian.ts';
import { unprivileged, type User } from './unprivileged.ts';
import { waitFor } from './wait.ts';

export const suffix = 'dc=corp,dc=example,dc=test';
const people = `ou=people,${suffix}`;

/** Accounts that may read everything: one without limits, one with slapd's usual 500 entries a search, paged or not. */
export const accounts = {
  sync: { name: `cn=sync,${suffix}`, password: 'pw-of-the-sync-account' },
  limited: { name: `cn=limited,${suffix}`, password: 'pw-of-the-limited-account' },
} as const;

export interface SlapdOptions {
  /** PEM, of the server. */
  readonly tls: { readonly cert: string; readonly key: string };
  /** Entries of class `user` below `ou=people`. */
  readonly users?: number;
}

export interface Slapd extends AsyncDisposable {
  readonly url: URL;
  /** By the name `localhost`. */
  readonly secureUrl: URL;
  /** Below it are the users. */
  readonly base: string;
  /** Ends the server, with every connection, and starts it again on the same data and ports. */
  restart(): Promise<void>;
}

const schema = `
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.2.120 NAME 'uSNChanged' EQUALITY integerMatch ORDERING integerOrderingMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP inetOrgPerson STRUCTURAL MAY ( objectGUID $ sAMAccountName $ userAccountControl $ uSNChanged ) )
`;

function configuration(folder: string): string {
  return [
    ...['core', 'cosine', 'inetorgperson'].map((name) => `include /etc/ldap/schema/${name}.schema`),
    ...[`include ${folder}/ad.schema`, 'modulepath /usr/lib/ldap', 'moduleload back_mdb'],
    ...[`pidfile ${folder}/slapd.pid`, `TLSCertificateFile ${folder}/tls.crt`],
    ...[`TLSCertificateKeyFile ${folder}/tls.key`, 'sizelimit 500', 'database mdb', `suffix "${suffix}"`],
    ...[`directory ${folder}/db`, 'maxsize 268435456', 'dbnosync'],
    `limits dn.exact="${accounts.sync.name}" size=unlimited size.prtotal=unlimited`,
    // A connection that is nobody's shows nothing, so what is read was read by an account.
    'access to attrs=userPassword by anonymous auth by * none',
    'access to * by users read by * none',
    '',
  ].join('\n');
}

/** The bytes of the objectGUID of a user: not UTF-8, so that nobody takes them for text. */
export function guidOf(number: number): Buffer {
  const bytes = Buffer.alloc(16, 0xe2);
  bytes.writeUInt32LE(number, 12);
  return bytes;
}

function seed(users: number): string {
  const entry = (dn: string, ...lines: string[]) => [`dn: ${dn}`, ...lines, ''].join('\n');
  return [
    entry(suffix, 'objectClass: dcObject', 'objectClass: organization', 'o: corp', 'dc: corp'),
    entry(people, 'objectClass: organizationalUnit', 'ou: people'),
    ...Object.values(accounts).map(({ name, password }) =>
      entry(
        name,
        'objectClass: person',
        `cn: ${/cn=(\w+)/u.exec(name)?.[1]}`,
        'sn: x',
        `userPassword: ${password}`,
      ),
    ),
    ...Array.from({ length: users }, (_, number) =>
      entry(
        `cn=User ${number},${people}`,
        ...['objectClass: user', `cn: User ${number}`, `sn: ${number}`, `sAMAccountName: user${number}`],
        ...[`userAccountControl: ${number % 2 === 0 ? 512 : 514}`, `uSNChanged: ${1_000 + number}`],
        `objectGUID:: ${guidOf(number).toString('base64')}`,
      ),
    ),
  ].join('\n');
}

/** A real OpenLDAP server of its own on loopback. Fails when slapd is missing and cannot be installed. */
export async function startSlapd({ tls, users = 0 }: SlapdOptions): Promise<Slapd> {
  const progress = (line: string) => process.stderr.write(`${line}\n`);
  await ensurePrograms([{ program: 'slapd', debianPackage: 'slapd' }], progress);
  const folder = await mkdtemp(join(tmpdir(), 'slapd-'));
  const server = new Server(folder, await unprivileged(), [await freePort(), await freePort()]);
  try {
    await server.prepare(tls, users);
    await server.start();
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

class Server implements Slapd {
  readonly base = people;
  private readonly folder: string;
  private readonly user: User | undefined;
  private readonly ports: readonly [plain: number, secured: number];
  private child: ChildProcess | undefined;
  private log = '';

  constructor(folder: string, user: User | undefined, ports: readonly [number, number]) {
    this.folder = folder;
    this.user = user;
    this.ports = ports;
  }

  get url(): URL {
    return new URL(`ldap://localhost:${this.ports[0]}`);
  }

  get secureUrl(): URL {
    return new URL(`ldaps://localhost:${this.ports[1]}`);
  }

  async prepare(tls: SlapdOptions['tls'], users: number): Promise<void> {
    const { folder, user } = this;
    await mkdir(join(folder, 'db'));
    const files = {
      ...{ 'ad.schema': schema, 'slapd.conf': configuration(folder), 'seed.ldif': seed(users) },
      ...{ 'tls.crt': tls.cert, 'tls.key': tls.key },
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    await chmod(join(folder, 'tls.key'), 0o600);
    if (user !== undefined) {
      for (const name of ['', 'db', 'tls.key']) await chown(join(folder, name), user.uid, user.gid);
    }
    const slapadd = this.run('slapadd', '-q', '-f', `${folder}/slapd.conf`, '-l', `${folder}/seed.ldif`);
    const [code] = (await once(await slapadd, 'close')) as [number | null];
    if (code !== 0) throw new Error(`slapadd ended with ${String(code)}: ${this.log}`);
  }

  async start(): Promise<void> {
    const [plain, secured] = this.ports;
    const urls = `ldap://127.0.0.1:${plain} ldaps://127.0.0.1:${secured}`;
    const child = await this.run('slapd', '-d', '0', '-f', `${this.folder}/slapd.conf`, '-h', urls);
    this.child = child;
    await waitFor('slapd to listen', async () => {
      if (child.exitCode !== null) throw new Error(`slapd ended with ${child.exitCode}: ${this.log}`);
      return (await answers(plain)) && (await answers(secured));
    });
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async stop(): Promise<void> {
    this.child?.kill('SIGTERM');
    if (this.child !== undefined) await ended(this.child);
  }

  /** Ends with the process of the tests, however that ends. */
  private async run(program: string, ...args: string[]): Promise<ChildProcess> {
    const path = await findProgram(program);
    if (path === undefined) throw new Error(`${program} is needed; install Debian's package slapd`);
    const child = spawnTied(path, args, {
      ...this.user,
      cwd: this.folder,
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr?.on('data', (text: Buffer) => (this.log = `${this.log}${text.toString()}`.slice(-8192)));
    return child;
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
