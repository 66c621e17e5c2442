// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { dump } from 'js-yaml';
import type { SyncRun } from '../../../src/api/resource.ts';
import { syncCommand } from '../../../src/cli/sync.ts';
import { call } from '../../cli/cli-bench.ts';
import { system } from '../../kit/manifests.ts';
import { startDomain, type Domain, type DomainOptions } from '../../kit/samba/domain.ts';
import { accounts } from '../../kit/samba/seed.ts';
import { baseDN } from '../../kit/samba/settings.ts';

export interface Account {
  readonly name: string;
  readonly password: string;
}

export interface SystemOptions {
  /** Of `spec.connector.activeDirectory`. */
  readonly block?: object;
  readonly spec?: object;
  readonly account?: Account;
  /** Keys of the Secret beside name and password; the authority of the domain when not given. */
  readonly secret?: Readonly<Record<string, string>>;
}

/** ExternalSystem and Secret as YAML. `block` is spec.connector.activeDirectory. */
export function manifests(block: object, spec: object, secret: object): string {
  const limits = { requestsPerSecond: 1000, maxRetries: 0 };
  const metadata = { name: 'login', namespace: 'inventory' };
  return [
    system(
      'directory',
      { connector: { activeDirectory: block }, limits, ...spec },
      { namespace: 'inventory' },
    ),
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData: secret },
  ]
    .map((document) => dump(document))
    .join('---\n');
}

/** An inventory of its own, and runs of the whole program that fill it. */
export class Inventory implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'extsys-ad-'));

  get store(): string {
    return `sqlite:${this.folder}/inventory.db`;
  }

  async run(yaml: string, args: readonly string[]): Promise<Outcome> {
    const flags = ['-f', '-', '--store', this.store, '--output', 'json', ...args];
    const { code, out, err } = await call(syncCommand, flags, yaml);
    return new Outcome(code, JSON.parse(out) as SyncRun, `${out}${err}`);
  }

  rows(sql: string, ...values: readonly string[]): Record<string, unknown>[] {
    const connection = new DatabaseSync(`${this.folder}/inventory.db`, { readOnly: true });
    try {
      return connection.prepare(sql).all(...values);
    } finally {
      connection.close();
    }
  }

  /** Ids of the live rows of a table, in order. */
  live(table: 'users' | 'groups' | 'devices' | 'memberships'): readonly string[] {
    const sql = `SELECT external_id FROM ${table} WHERE deleted_at IS NULL AND withdrawn_at IS NULL ORDER BY external_id`;
    return this.rows(sql).map((row) => String(row['external_id']));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A real domain, and an inventory that is filled from it. */
export class Directory extends Inventory {
  domain: Domain;

  constructor(domain: Domain) {
    super();
    this.domain = domain;
  }

  static async start(options: DomainOptions = {}): Promise<Directory> {
    return new Directory(await startDomain(options));
  }

  /** By default with an account that may see deleted objects. */
  yaml({ block = {}, spec = {}, account = accounts.admin, secret }: SystemOptions = {}): string {
    const { ldapsUrl, ca } = this.domain;
    const username = /[@\\=]/u.test(account.name) ? account.name : `${account.name}@corp.example.test`;
    const login = { username, password: account.password, ...(secret ?? { 'ca.crt': ca }) };
    return manifests({ urls: [ldapsUrl], baseDN, ...block }, spec, login);
  }

  sync(options: SystemOptions = {}, ...args: string[]): Promise<Outcome> {
    return this.run(this.yaml(options), args);
  }

  full(options: SystemOptions = {}): Promise<Outcome> {
    return this.sync(options, '--mode', 'Full');
  }

  test(options: SystemOptions = {}): Promise<Outcome> {
    return this.sync(options, '--mode', 'Test');
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.domain[Symbol.asyncDispose]();
  }
}

export class Outcome {
  readonly code: number;
  readonly run: SyncRun;
  /** Everything that was printed. */
  readonly said: string;

  constructor(code: number, run: SyncRun, said: string) {
    this.code = code;
    this.run = run;
    this.said = said;
  }

  get status() {
    const { status } = this.run;
    if (status === undefined) throw new Error('the run has no status');
    return status;
  }

  /** Counts of one stream. */
  stream(name: string) {
    const found = this.status.streams?.find((stream) => stream.name === name);
    if (found === undefined) throw new Error(`the run has no stream ${name}: ${this.said}`);
    return found;
  }

  /** By stream: mode, fetched, created, updated, unchanged, deleted. */
  get counts(): Record<string, readonly (string | number | undefined)[]> {
    return Object.fromEntries(
      (this.status.streams ?? []).map(({ name, mode, fetched, created, updated, unchanged, deleted }) => [
        name,
        [mode, fetched, created, updated, unchanged, deleted],
      ]),
    );
  }

  get failure() {
    return this.status.failure;
  }
}
