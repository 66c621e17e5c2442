// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PassThrough, Readable } from 'node:stream';
import { dump } from 'js-yaml';
import { afterEach, beforeEach } from 'vitest';
import type { SyncRun } from '../../src/api/resource.ts';
import type { Command } from '../../src/cli/command.ts';
import { syncCommand } from '../../src/cli/sync.ts';
import { system } from '../kit/manifests.ts';
import { startServiceNow } from '../simulators/servicenow/index.ts';

export const password = 'canary-of-the-cli-5512';
/** The Secret of a client that the instance gives tokens to. */
export const oauthClient = { clientId: 'client-1', clientSecret: 'canary-of-the-client-8834' };

/** What a test changes of `spec.connector.serviceNowCmdb`. */
export interface Block {
  readonly url?: string;
  readonly classes?: readonly string[];
  readonly relationships?: boolean;
  readonly users?: boolean;
  readonly groups?: boolean;
  readonly query?: string;
}

/** A command in this process, and what it printed. */
export async function call(command: Command, args: readonly string[], stdin = '') {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const code = await command(args, { stdin: Readable.from([stdin]), stdout, stderr });
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

/** A ServiceNow of 60 servers and a folder for each test of the file in which it is made. */
export class CliBench {
  folder = '';
  instance!: Awaited<ReturnType<typeof startServiceNow>>;

  constructor() {
    beforeEach(async () => {
      this.folder = mkdtempSync(join(tmpdir(), 'extsys-cli-'));
      this.instance = await startServiceNow({
        seed: 1,
        counts: { servers: 60 },
        basic: { username: 'reader', password },
        oauth: { ...oauthClient, tokenSeconds: 1800 },
      });
    });
    afterEach(async () => {
      await this.instance.stop();
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  get store(): string {
    return `sqlite:${this.folder}/inventory.db`;
  }

  /** ExternalSystem and Secret as YAML. */
  manifests(
    block: Block = {},
    spec: object = {},
    secret: object | null = { username: 'reader', password },
  ): string {
    const connector = { serviceNowCmdb: { url: this.instance.url, classes: ['cmdb_ci_server'], ...block } };
    const limits = { requestsPerSecond: 1000, maxRetries: 0 };
    const documents = [system('cmdb', { connector, limits, ...spec }, { namespace: 'inventory' })];
    const metadata = { name: 'login', namespace: 'inventory' };
    if (secret !== null) documents.push({ apiVersion: 'v1', kind: 'Secret', metadata, stringData: secret });
    return documents.map((document) => dump(document)).join('---\n');
  }

  async sync(yaml: string, ...args: string[]) {
    const flags = ['-f', '-', '--store', this.store, '--output', 'json', ...args];
    const result = await call(syncCommand, flags, yaml);
    return { ...result, run: JSON.parse(result.out) as SyncRun };
  }

  /** What only somebody with the file in hand can do. */
  change(sql: string): void {
    const connection = new DatabaseSync(`${this.folder}/inventory.db`);
    try {
      connection.exec(sql);
    } finally {
      connection.close();
    }
  }

  rows(sql: string): Record<string, unknown>[] {
    const connection = new DatabaseSync(`${this.folder}/inventory.db`, { readOnly: true });
    try {
      return connection.prepare(sql).all();
    } finally {
      connection.close();
    }
  }
}
