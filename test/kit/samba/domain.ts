// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { cp, lstat, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { certificate, type Certificate } from '../certificate.ts';
import { ended } from '../control-plane/child.ts';
import { waitFor } from '../wait.ts';
import { Ldb } from './ldb.ts';
import { dcName, smbConf } from './settings.ts';
import { domainTemplate } from './template.ts';

/** A running domain controller of its own, over a copy of the template. */
export interface Domain extends AsyncDisposable {
  /** Of the loopback network; 389 and 636 are open on it. */
  readonly address: string;
  readonly ldapsUrl: string;
  readonly ldapUrl: string;
  /** PEM of the authority that the controller's certificate is from. */
  readonly ca: string;
  readonly ldb: Ldb;
  readonly folder: string;
  readonly pid: number;
  /** Ends the controller; its files stay. */
  stop(): Promise<void>;
  /** Again on the same files and address. */
  start(): Promise<void>;
  /** A copy of the files as they are now, as a backup of a controller that is stopped. */
  copy(): Promise<string>;
}

export interface DomainOptions {
  /** Files to start from in place of the template. */
  readonly from?: string;
  /** An address to take again. */
  readonly address?: string;
  readonly authority?: Certificate;
}

const progress = (line: string) => process.stderr.write(`${line}\n`);

/** @throws when Samba cannot start, with what it said */
export async function startDomain(options: DomainOptions = {}): Promise<Domain> {
  const template = options.from ?? (await domainTemplate(progress));
  const address = options.address ?? randomAddress();
  const folder = await mkdtemp(join(tmpdir(), 'samba-'));
  const authority = options.authority ?? certificate('test authority', { authority: true });
  const files = new Controller(folder, address, authority);
  try {
    await cp(template, folder, { recursive: true });
    await files.prepare();
    await files.start();
  } catch (error) {
    await files[Symbol.asyncDispose]();
    throw error;
  }
  return files;
}

class Controller implements Domain {
  readonly folder: string;
  readonly address: string;
  readonly ldb: Ldb;
  private readonly authority: Certificate;
  private child: ReturnType<typeof spawn> | undefined;

  constructor(folder: string, address: string, authority: Certificate) {
    this.folder = folder;
    this.address = address;
    this.authority = authority;
    this.ldb = new Ldb(folder);
  }

  get ldapsUrl(): string {
    return `ldaps://${this.address}:636`;
  }

  get ldapUrl(): string {
    return `ldap://${this.address}:389`;
  }

  get ca(): string {
    return this.authority.cert;
  }

  get pid(): number {
    const pid = this.child?.pid;
    if (pid === undefined) throw new Error('the domain controller does not run');
    return pid;
  }

  async prepare(): Promise<void> {
    const { folder, address, authority } = this;
    const server = certificate(dcName, { issuer: authority, host: dcName, addresses: [address] });
    await Promise.all(
      ['run', 'cache', 'private/tls'].map((name) => mkdir(join(folder, name), { recursive: true })),
    );
    await writeFile(join(folder, 'etc/smb.conf'), smbConf(folder, address));
    await writeFile(join(folder, 'private/tls/ca.pem'), authority.cert);
    await writeFile(join(folder, 'private/tls/cert.pem'), server.cert);
    const key = server.key.export({ type: 'sec1', format: 'pem' });
    await rm(join(folder, 'private/tls/key.pem'), { force: true });
    await writeFile(join(folder, 'private/tls/key.pem'), key, { mode: 0o600 });
  }

  /** With a pipe as its input the controller ends with this process, however that ends. */
  async start(): Promise<void> {
    const { folder } = this;
    const child = spawn(
      'samba',
      ['-i', '-M', 'single', '--no-process-group', '-s', join(folder, 'etc/smb.conf')],
      {
        stdio: ['pipe', 'ignore', 'pipe'],
      },
    );
    this.child = child;
    let said = '';
    child.stderr.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-4000)));
    child.stdin.on('error', () => undefined);
    let failed: Error | undefined;
    child.on('error', (error) => (failed = error));
    const stop = new AbortController();
    child.on('exit', (code) => stop.abort(new Error(`samba ended with ${String(code)}: ${said}`)));
    await waitFor('samba to answer', () => this.answers(failed), { signal: stop.signal, intervalMs: 25 });
  }

  private async answers(failed: Error | undefined): Promise<boolean> {
    if (failed !== undefined) throw failed;
    const { address, ca } = this;
    return new Promise((resolve) => {
      const socket = connect({ host: address, port: 636, ca, servername: dcName }, () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (child === undefined) return;
    child.stdin?.end();
    child.kill('SIGTERM');
    await ended(child);
    this.child = undefined;
  }

  async copy(): Promise<string> {
    const copy = await mkdtemp(join(tmpdir(), 'samba-'));
    // Sockets of the controller stay behind when it ends, and cannot be copied.
    const isFile = async (path: string) => !(await lstat(path)).isSocket();
    await cp(this.folder, copy, { recursive: true, filter: isFile });
    return copy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Any of 127.0.0.0/8 but those that people use by hand. */
function randomAddress(): string {
  const part = () => 1 + Math.floor(Math.random() * 250);
  return `127.${1 + part()}.${part()}.${part()}`;
}
