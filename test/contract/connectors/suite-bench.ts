// SPDX-License-Identifier: Apache-2.0
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { connectors } from '../../../connectors/index.ts';
import type { RunMode, SyncRunStatus } from '../../../src/api/sync-run.ts';
import { AccountBudget } from '../../../src/connector/budget.ts';
import type { Connection, Connector } from '../../../src/connector/contract.ts';
import { credentialsFrom } from '../../../src/connector/credentials.ts';
import { openUpstream } from '../../../src/connector/upstream.ts';
import { recordTables } from '../../../src/inventory/columns.ts';
import { sqliteStore } from '../../../src/store/sqlite/index.ts';
import { runSync } from '../../../src/sync/engine.ts';
import type { Upstream, UpstreamRequest } from '../../../src/sync/upstream-side.ts';
import { statusFromArchive } from '../../../src/sync/run-record.ts';
import { createLogger, type Logger } from '../../../src/telemetry/logger.ts';
import { Redactor } from '../../../src/telemetry/redactor.ts';
import type { ConnectorHarness, RunningSystem } from './harness.ts';

const systemKey = 'inventory/system';
/** Of a run as these suites make one: time that each request takes, by the clock that is handed in. */
const requestMs = 1_000;
/** Several times the requests that the small systems need. */
const softMs = 150 * requestMs;
/** Real time, for an answer that never comes or never ends. */
const hastyMs = 400;
/** Real time: what hangs is ended by it, and fails the test by its code. */
const hardMs = 15_000;

export interface RunOptions {
  readonly mode?: RunMode;
  readonly retries?: number;
  /** Waits for answers as long as a test can, in place of minutes. */
  readonly hasty?: boolean;
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
  private readonly redact = (text: string) => this.redactor.redact(text);
  private readonly learnSecret = (value: string) => this.redactor.add(systemKey, value);
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

  /** Makes what was read so far so old that every connector believes it to be gone when it is absent: no answer is so far behind. */
  settle(): void {
    const connection = new DatabaseSync(this.file);
    try {
      for (const { name } of recordTables)
        connection.exec(`UPDATE "${name}" SET changed_at = '2026-01-01T00:00:00.000Z'`);
    } finally {
      connection.close();
    }
  }

  /** Goes on with a copy of a database, settled, or with an empty one. Answers its name. */
  use(original?: string): string {
    this.databases += 1;
    const name = `${this.databases}.db`;
    if (original !== undefined) copyFileSync(join(this.folder, original), join(this.folder, name));
    this.database = name;
    if (original !== undefined) this.settle();
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
      ...this.harness.spec,
      ...changes,
    };
  }

  /** One run to its archived end, on the database in use. */
  async run({
    mode = 'Incremental',
    retries = 0,
    hasty = false,
    spec = {},
  }: RunOptions = {}): Promise<BenchRun> {
    this.runs += 1;
    const uid = `run-${this.runs}`;
    const lines: string[] = [];
    const { redact } = this;
    const destination = { write: (line: string) => void lines.push(line) };
    const logger = createLogger({ level: 'debug', destination, redact });
    const store = sqliteStore(this.file);
    await store.open();
    try {
      const archived = await runSync(
        {
          system: { key: systemKey, uid: 'system-uid', generation: 1, spec: this.spec(spec) },
          run: { name: `system-${uid}`, uid, spec: { systemRef: { name: 'system' }, mode }, attempt: 1 },
          worker: 'worker-1',
          limits: { softMs, hardMs },
        },
        {
          store,
          connector: this.connector,
          credentials: async () => this.credentials(),
          upstream: (request) => this.upstream(request, retries, logger, hasty),
          now: () => new Date(),
          monotonicMs: () => this.monotonicMs(),
          redact,
          learnSecret: this.learnSecret,
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

  /** What the connector does outside a run: probes, above all. */
  async connected<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result> {
    const { signal } = new AbortController();
    const logger = createLogger({
      level: 'error',
      destination: { write: () => undefined },
      redact: this.redact,
    });
    const credentials = this.credentials();
    const request = { correlationId: 'probe', credentials, signal, remainingMs: () => softMs };
    const upstream = this.upstream(request, 0, logger);
    try {
      const connection = await this.connector.connect({
        config: this.system.connector,
        credentials,
        pageSize: this.harness.pageSize,
        http: (options) => upstream.http(options),
        ldap: (options) => upstream.ldap(options),
        learnSecret: this.learnSecret,
        redact: this.redact,
        now: () => new Date(),
        signal,
      });
      try {
        return await work(connection);
      } finally {
        await connection.close();
      }
    } finally {
      await upstream.close();
    }
  }

  private upstream(request: UpstreamRequest, maxRetries: number, logger: Logger, hasty = false): Upstream {
    const clock = {
      monotonicMs: () => this.monotonicMs(),
      sleep: async (ms: number, signal: AbortSignal) => {
        signal.throwIfAborted();
        this.passedMs += ms;
      },
    };
    return openUpstream({
      ...request,
      userAgent: 'contract-suite',
      budget: new AccountBudget({ requestsPerSecond: 1_000_000, inFlight: 2 }, clock),
      maxRetries,
      addresses: { allowHttp: true, allowLoopback: true, remedy: 'none' },
      urlField: `spec.connector.${this.connector.id}`,
      clock,
      now: () => new Date(),
      random: () => 0.5,
      redact: this.redact,
      ...(hasty ? { idleTimeoutMs: hastyMs, answerTimeoutMs: hastyMs } : {}),
      onRequest: (result) => {
        this.passedMs += requestMs;
        logger.debug('request', { ...result });
      },
    });
  }

  /** Live records of each stream: id and hash of the content, in order. */
  live(): Readonly<Record<string, readonly string[]>> {
    const found: Record<string, string[]> = Object.fromEntries(
      this.connector.streams.map(({ name }) => [name, []]),
    );
    for (const { stream, id, hash } of this.records('deleted_at IS NULL'))
      (found[stream] ??= []).push(`${id} ${hash}`);
    return found;
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      Object.entries(this.live()).map(([stream, records]) => [stream, records.length]),
    );
  }

  /** Ids of the records of a stream that were deleted. */
  deleted(stream: string): readonly string[] {
    return this.records('deleted_at IS NOT NULL').flatMap((one) => (one.stream === stream ? [one.id] : []));
  }

  /** Streams that have records, and all of them with this attribute. */
  streamsWith(attribute: string, value: string): readonly string[] {
    const all = this.records('TRUE');
    const without = new Set(
      all
        .filter(({ attributes }) => Reflect.get(JSON.parse(attributes) as object, attribute) !== value)
        .map(({ stream }) => stream),
    );
    return [...new Set(all.map(({ stream }) => stream))].filter((stream) => !without.has(stream));
  }

  private records(where: string) {
    return recordTables.flatMap(
      ({ name }) =>
        this.rows(
          `SELECT stream, external_id AS id, content_hash AS hash, attributes FROM "${name}" WHERE ${where} ORDER BY external_id`,
        ) as { stream: string; id: string; hash: string; attributes: string }[],
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
    this.redactor.learn(systemKey, credentials.secrets);
    return credentials;
  }
}

/** The connector of a harness; throws when the list has none of that name. */
export function connectorOf({ id }: ConnectorHarness): Connector {
  const found = connectors.find((connector) => connector.id === id);
  if (found === undefined) throw new Error(`connectors/index.ts has no connector ${id}`);
  return found;
}
