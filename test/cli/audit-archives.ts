// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Client } from 'pg';
import { afterAll, beforeAll, expect } from 'vitest';
import { auditEntry } from '../../src/cli/audit.ts';
import { syncCommand } from '../../src/cli/sync.ts';
import type { AuditReport } from '../../src/sync/audit.ts';
import { embeddedPostgres, startPostgres, type PostgresServer } from '../kit/postgres/server.ts';
import { call, type CliBench } from './cli-bench.ts';

type Answer = AuditReport & { readonly sound: boolean; readonly heads: readonly string[] };

export async function verify(store: string, ...args: string[]) {
  const { code, out } = await call(auditEntry.run, ['verify', '--store', store, '-o', 'json', ...args]);
  return { code, answer: JSON.parse(out) as Answer };
}

/** An archive of three runs, and what an administrator does to it after taking the triggers and indexes away. */
export interface Archive {
  /** For who may only read. */
  readonly store: string;
  /** For the operator. */
  readonly owner: string;
  readonly tamper: (statement: string) => Promise<void>;
}

/** Tables that the guide has the auditor's role read. */
const audited = ['migrations', 'systems', 'runs', 'recoveries', 'actions', 'streams'];

/** Archives in a file and on a server that lives as long as the tests of the file. */
export function auditArchives(bench: CliBench) {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres(await embeddedPostgres());
  }, 60_000);
  afterAll(() => server.stop());

  async function threeRuns(store: string): Promise<void> {
    for (let count = 0; count < 3; count += 1) {
      const args = ['-f', '-', '--mode', 'Test', '-q', '--store', store];
      const made = await call(syncCommand, args, bench.manifests());
      expect(made.code, made.err).toBe(0);
    }
  }

  async function inFile(): Promise<Archive> {
    const { store } = bench;
    await threeRuns(store);
    return {
      store,
      owner: store,
      async tamper(statement) {
        const database = new DatabaseSync(join(bench.folder, 'inventory.db'));
        const triggers = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").all();
        for (const { name } of triggers) database.exec(`DROP TRIGGER ${String(name)}`);
        database.exec('DROP INDEX IF EXISTS runs_chain');
        database.exec(statement);
        database.close();
      },
    };
  }

  async function onServer(): Promise<Archive> {
    const schema = `audit_${Math.random().toString(36).slice(2)}`;
    const asAdmin = async (statements: string) => {
      const admin = new Client({ connectionString: server.url });
      await admin.connect();
      await admin.query(statements);
      await admin.end();
    };
    await asAdmin(`CREATE SCHEMA ${schema}`);
    const options = encodeURIComponent(`-c search_path=${schema}`);
    const owner = `${server.url}?options=${options}`;
    await threeRuns(owner);
    // Who audits may read, and nothing else.
    await asAdmin(`SET search_path = ${schema}; CREATE ROLE reader_${schema} LOGIN;
      GRANT USAGE ON SCHEMA ${schema} TO reader_${schema}; GRANT SELECT ON ${audited.join(', ')} TO reader_${schema}`);
    return {
      store: `${server.url.replace('//postgres@', `//reader_${schema}@`)}?options=${options}`,
      owner,
      tamper: (statement) =>
        asAdmin(`SET search_path = ${schema}; SET session_replication_role = replica;
          DROP INDEX IF EXISTS runs_chain; ${statement}`),
    };
  }

  return { inFile, onServer, threeRuns };
}
