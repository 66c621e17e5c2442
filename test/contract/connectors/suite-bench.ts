// SPDX-License-Identifier: Apache-2.0
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { connectors } from '../../../connectors/index.ts';
import type { RunMode, SyncRunStatus } from '../../../src/api/sync-run.ts';
import { AccountBudget } from '../../../src/connector/budget.ts';
import type { Connector } from '../../../src/connector/contract.ts';
import { credentialsFrom } from '../../../src/connector/credentials.ts';
import { openUpstream } from '../../../src/connector/upstream.ts';
import { recordTables } from '../../../src/inventory/columns.ts';
import { sqliteStore } from '../../../src/store/sqlite/index.ts';
import { runSync } from '../../../src/sync/engine.ts';
import { statusFromArchive } from '../../../src/sync/run-record.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import { Redactor } from '../../../src/telemetry/redactor.ts';
import type { ConnectorHarness, RunningSystem } from './harness.ts';

/** Of a run as these suites make one: time that each request takes, by the clock that is handed in. */
const requestMs = 1_000;
/** Some hundred requests, far more than the small systems need. */
const softMs = 400 * requestMs;
/** Real time: what hangs is ended by it, and fails the test by its code. */
const hardMs = 15_000;

export interface RunOptions {
  readonly mode?: RunMode;
  readonly retries?: number;
  /** Merged into the spec. */
  readonly spec?: object;
}

export interface BenchRun {
  readonly status: SyncRunStatus;
  /** What the run record says, as it is archived. */
  readonly json: string;
  /** Everything that was logged, at the most talkative level. */
  readonly log: string;
}

/** A connector, its small system and databases; runs in this process by the product's own engine, upstream and logger. */
export class ConnectorBench implements AsyncDisposable {
  readonly connector: Connector;
  readonly harness: ConnectorHarness;
  readonly system: RunningSystem;
  readonly folder = mkdtempSync(join(tmpdir(), 'extsys-contract-'));
  private readonly redactor = new Redactor();
  private database = 'first.db';
  private databases = 0;
  private runs = 0;
  /** What waits and requests have made the clock go forward. */
  private passedMs = 0;

  private constructor(harness: ConnectorHarness, system: RunningSystem) {
    this.harness = harness;
    this.system = system;
    this.connector = connectorOf(harness);
  }

  static async start(harness: ConnectorHarness): Promise<ConnectorBench> {
    return new ConnectorBench(harness, await harness.start());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.system[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Goes on with a copy of a database, or with an empty one. Answers its name. */
  use(original?: string): string {
    this.databases += 1;
    const name = `${this.databases}.db`;
    if (original !== undefined) copyFileSync(join(this.folder, original), join(this.folder, name));
    this.database = name;
    return name;
  }

  /** Throws away the database in use, so that hundreds of cases do not fill the disk. */
  drop(): void {
    for (const end of ['', '-wal', '-shm']) rmSync(this.file + end, { force: true });
  }

  get file(): string {
    return join(this.folder, this.database);
  }

  /** The spec of the ExternalSystem. */
  spec(changes: object = {}) {
    const { id, auth, pageSize } = this.harness;
    return {
      connector: { [id]: this.system.connector },
      auth: { type: auth, secretRef: { name: 'login' } },
      limits: { pageSize },
      ...changes,
    };
  }

  /** One run to its archived end, on the database in use. */
  async run({ mode = 'Incremental', retries = 0, spec = {} }: RunOptions = {}): Promise<BenchRun> {
    this.runs += 1;
    const uid = `run-${this.runs}`;
    const lines: string[] = [];
    const { redactor } = this;
    const redact = (text: string) => redactor.redact(text);
    const logger = createLogger({
      level: 'debug',
      destination: { write: (line) => void lines.push(line) },
      redact,
    });
    const store = sqliteStore(this.file);
    await store.open();
    try {
      const archived = await runSync(
        {
          system: { key: 'inventory/system', uid: 'system-uid', generation: 1, spec: this.spec(spec) },
          run: { name: `system-${uid}`, uid, spec: { systemRef: { name: 'system' }, mode }, attempt: 1 },
          worker: 'worker-1',
          limits: { softMs, hardMs },
        },
        {
          store,
          connector: this.connector,
          credentials: async () => this.credentials(),
          upstream: (request) => {
            const clock = {
              monotonicMs: () => this.monotonicMs(),
              sleep: async (ms: number, signal: AbortSignal) => {
                signal.throwIfAborted();
                this.passedMs += ms;
              },
            };
            const limits = { requestsPerSecond: 1_000_000, inFlight: 2 };
            return openUpstream({
              ...request,
              userAgent: 'contract-suite',
              budget: new AccountBudget(limits, clock),
              maxRetries: retries,
              addresses: { allowHttp: true, allowLoopback: true, remedy: 'none' },
              urlField: `spec.connector.${this.connector.id}`,
              clock,
              now: () => new Date(),
              random: () => 0.5,
              redact,
              onRequest: (result) => {
                this.passedMs += requestMs;
                logger.debug('request', { ...result });
              },
            });
          },
          now: () => new Date(),
          monotonicMs: () => this.monotonicMs(),
          redact,
          learnSecret: (value) => redactor.add('inventory/system', value),
          signal: new AbortController().signal,
          onConnected: () => logger.debug('connected'),
          onProgress: (progress) => logger.debug('progress', { ...progress }),
          onCheck: (check) => logger.info('checked', { ...check }),
          onFailure: (failure) => logger.error('failure', { error: failure, cause: failure.cause }),
        },
      );
      return { status: statusFromArchive(archived), json: JSON.stringify(archived), log: lines.join('') };
    } finally {
      await store.close();
    }
  }

  /** Live records of each stream: id and hash of the content, in order. */
  live(): Readonly<Record<string, readonly string[]>> {
    const found: Record<string, string[]> = Object.fromEntries(
      this.connector.streams.map(({ name }) => [name, []]),
    );
    for (const { name } of recordTables) {
      const sql = `SELECT stream, external_id AS id, content_hash AS hash FROM "${name}" WHERE deleted_at IS NULL ORDER BY external_id`;
      for (const { stream, id, hash } of this.rows(sql))
        (found[String(stream)] ??= []).push(`${String(id)} ${String(hash)}`);
    }
    return found;
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      Object.entries(this.live()).map(([stream, records]) => [stream, records.length]),
    );
  }

  rows(sql: string): Record<string, unknown>[] {
    const connection = new DatabaseSync(this.file, { readOnly: true });
    try {
      return connection.prepare(sql).all();
    } finally {
      connection.close();
    }
  }

  private monotonicMs(): number {
    return performance.now() + this.passedMs;
  }

  private credentials() {
    const { auth, secret } = this.harness;
    const data = Object.fromEntries(
      Object.entries(secret).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    );
    const credentials = credentialsFrom(auth, { namespace: 'inventory', name: 'login', data });
    this.redactor.learn('inventory/system', credentials.secrets);
    return credentials;
  }
}

/** The connector of a harness; throws when the list has none of that name. */
export function connectorOf({ id }: ConnectorHarness): Connector {
  const found = connectors.find((connector) => connector.id === id);
  if (found === undefined) throw new Error(`connectors/index.ts has no connector ${id}`);
  return found;
}
