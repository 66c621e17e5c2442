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

/** A real domain, an inventory of its own, and runs of the whole program between them. */
export class Directory implements AsyncDisposable {
  readonly domain: Domain;
  readonly folder = mkdtempSync(join(tmpdir(), 'extsys-ad-'));

  constructor(domain: Domain) {
    this.domain = domain;
  }

  static async start(options: DomainOptions = {}): Promise<Directory> {
    return new Directory(await startDomain(options));
  }

  get store(): string {
    return `sqlite:${this.folder}/inventory.db`;
  }

  /** ExternalSystem and Secret as YAML. By default the account is one that may see deleted objects. */
  manifests({ block = {}, spec = {}, account = accounts.admin, secret }: SystemOptions = {}): string {
    const { ldapsUrl, ca } = this.domain;
    const connector = { activeDirectory: { urls: [ldapsUrl], baseDN, ...block } };
    const limits = { requestsPerSecond: 1000, maxRetries: 0 };
    const login = {
      username: `${account.name}@corp.example.test`,
      password: account.password,
      ...(secret ?? { 'ca.crt': ca }),
    };
    const metadata = { name: 'login', namespace: 'inventory' };
    return [
      system('directory', { connector, limits, ...spec }, { namespace: 'inventory' }),
      { apiVersion: 'v1', kind: 'Secret', metadata, stringData: login },
    ]
      .map((document) => dump(document))
      .join('---\n');
  }

  async sync(options: SystemOptions = {}, ...args: string[]): Promise<Outcome> {
    const yaml = this.manifests(options);
    const flags = ['-f', '-', '--store', this.store, '--output', 'json', ...args];
    const { code, out, err } = await call(syncCommand, flags, yaml);
    return new Outcome(code, JSON.parse(out) as SyncRun, `${out}${err}`);
  }

  full(options: SystemOptions = {}): Promise<Outcome> {
    return this.sync(options, '--mode', 'Full');
  }

  test(options: SystemOptions = {}): Promise<Outcome> {
    return this.sync(options, '--mode', 'Test');
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
