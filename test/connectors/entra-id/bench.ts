// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Config } from '../../../connectors/entra-id/config.ts';
import { entraId } from '../../../connectors/entra-id/index.ts';
import { openSession, type Session } from '../../../connectors/entra-id/session.ts';
import type { AuthType, ExternalSystemSpec } from '../../../src/api/external-system.ts';
import type { Check, RunMode, StreamStatus, SyncRunStatus } from '../../../src/api/sync-run.ts';
import { AccountBudget } from '../../../src/connector/budget.ts';
import type { Credentials } from '../../../src/connector/contract.ts';
import { credentialsFrom } from '../../../src/connector/credentials.ts';
import { openUpstream } from '../../../src/connector/upstream.ts';
import { sqliteStore } from '../../../src/store/sqlite/index.ts';
import { runSync } from '../../../src/sync/engine.ts';
import { replicationLagMs } from '../../../connectors/entra-id/reading.ts';
import type { Upstream, UpstreamRequest } from '../../../src/sync/upstream-side.ts';
import { statusFromArchive } from '../../../src/sync/run-record.ts';
import { startGraph, type GraphOptions, type RunningGraph } from '../../simulators/graph/index.ts';

export const clientId = '11111111-2222-4333-8444-555555555555';
export const clientSecret = 'canary~secret+of/the-client';

export interface RunOptions {
  readonly mode?: RunMode;
  readonly uid?: string;
  readonly attempt?: number;
  readonly signal?: AbortSignal;
  /** Called with each page that is written. */
  readonly onPage?: (stream: string, pages: number) => void;
}

export type Outcome = SyncRunStatus & {
  readonly checks: readonly Check[];
  stream(name: string): StreamStatus;
};

/** A tenant in the emulator and a store in a file of its own, and runs of the whole engine over real sockets. Waits take no time. */
export class EntraBench {
  readonly graph: RunningGraph;
  config: Partial<Config> = {};
  spec: Partial<ExternalSystemSpec> = { deletion: { budget: { maxPercent: 100, maxRecords: 100_000 } } };
  auth: AuthType = 'OAuth2';
  secret: Readonly<Record<string, string>> = { clientId, clientSecret };
  maxRetries = 3;
  readonly sleeps: number[] = [];
  private readonly clock: { timeMs: number };
  private readonly folder = mkdtempSync(join(tmpdir(), 'extsys-'));
  private readonly store = sqliteStore(join(this.folder, 'inventory.db'));
  private readonly upstreams: Upstream[] = [];
  private runs = 0;

  private constructor(graph: RunningGraph, clock: { timeMs: number }) {
    this.graph = graph;
    this.clock = clock;
  }

  static async open(
    counts: GraphOptions['counts'],
    application: Partial<GraphOptions['application']> = {},
  ): Promise<EntraBench> {
    const clock = { timeMs: Date.parse('2026-03-02T10:00:00Z') };
    const graph = await startGraph({
      seed: 7,
      counts,
      application: { clientId, clientSecret, ...application },
      now: () => new Date(clock.timeMs),
    });
    const bench = new EntraBench(graph, clock);
    await bench.store.open();
    return bench;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const upstream of this.upstreams) await upstream.close();
    await this.store.close();
    await this.graph.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  get now(): Date {
    return new Date(this.clock.timeMs);
  }

  pass(ms: number): void {
    this.clock.timeMs += ms;
  }

  /** Until every replica has heard of what has happened so far, so that absence speaks. */
  settle(): void {
    this.pass(replicationLagMs + 1_000);
  }

  /** Requests to Graph since the last call, as `GET /users`. */
  asked(): string[] {
    const asked = this.graph.requests.filter(({ server }) => server === 'graph');
    this.graph.requests.length = 0;
    return asked.map(({ method, path }) => `${method} ${path.replace('/v1.0', '')}`);
  }

  async run(options: RunOptions = {}): Promise<Outcome> {
    this.runs += 1;
    this.pass(60_000);
    const uid = options.uid ?? `run-${this.runs}`;
    const checks: Check[] = [];
    const now = () => this.now;
    const archived = await runSync(
      {
        system: {
          key: 'inventory/entra',
          uid: 'system-uid',
          generation: 1,
          spec: {
            connector: { entraId: this.wholeConfig },
            auth: { type: this.auth, secretRef: { name: 'login' } },
            ...this.spec,
          },
        },
        run: {
          name: `entra-${uid}`,
          uid,
          spec: { systemRef: { name: 'entra' }, mode: options.mode ?? 'Incremental' },
          attempt: options.attempt ?? 1,
        },
        worker: 'worker-1',
        limits: { softMs: 12 * 3_600_000, hardMs: 24 * 3_600_000 },
      },
      {
        store: this.store,
        connector: entraId,
        credentials: () => Promise.resolve(this.credentials),
        upstream: (request) => this.upstream(request),
        now,
        monotonicMs: () => this.clock.timeMs,
        redact: (text) => text,
        learnSecret: () => undefined,
        signal: options.signal ?? new AbortController().signal,
        onConnected: () => undefined,
        onProgress: ({ tally, ended }) => {
          if (!ended) options.onPage?.(tally.stream, tally.pages);
        },
        onCheck: (check) => checks.push(check),
      },
    );
    const status = statusFromArchive(archived);
    return {
      ...status,
      checks,
      stream(name) {
        const found = status.streams?.find((stream) => stream.name === name);
        if (found === undefined) throw new Error(`the run has no stream ${name}`);
        return found;
      },
    };
  }

  /** A session as a run opens it, for what no stream reads. */
  async session(): Promise<Session> {
    const { signal } = new AbortController();
    const upstream = this.upstream({
      correlationId: 'session',
      credentials: this.credentials,
      signal,
      remainingMs: () => 600_000,
    });
    this.upstreams.push(upstream);
    const { session } = await openSession({
      config: this.wholeConfig,
      credentials: this.credentials,
      pageSize: undefined,
      mappedPaths: () => [],
      roleMappings: [],
      http: (options) => upstream.http(options),
      ldap: (options) => upstream.ldap(options),
      learnSecret: () => undefined,
      redact: (text) => text,
      now: () => this.now,
      signal,
    });
    return session;
  }

  private get wholeConfig(): Config {
    const { graph, config } = this;
    return { tenantId: graph.tenant.id, graphUrl: graph.url, loginUrl: graph.loginUrl, ...config };
  }

  private get credentials(): Credentials {
    const data = Object.entries(this.secret).map(
      ([key, value]) => [key, Buffer.from(value).toString('base64')] as const,
    );
    const secret = { namespace: 'inventory', name: 'login', data: Object.fromEntries(data) };
    return credentialsFrom(this.auth, secret);
  }

  private upstream(request: UpstreamRequest): Upstream {
    const clock = {
      monotonicMs: () => this.clock.timeMs,
      sleep: async (ms: number, signal: AbortSignal) => {
        signal.throwIfAborted();
        this.sleeps.push(ms);
        this.pass(ms);
      },
    };
    return openUpstream({
      ...request,
      userAgent: 'test',
      budget: new AccountBudget({ requestsPerSecond: 1000, inFlight: 4 }, clock),
      maxRetries: this.maxRetries,
      addresses: { allowHttp: true, allowLoopback: true, remedy: '' },
      urlField: 'spec.connector.entraId.graphUrl',
      clock,
      now: () => this.now,
      random: () => 0.5,
      onRequest: () => undefined,
    });
  }

  /** Rows of the database file, read through a connection of its own. */
  rows(sql: string): Record<string, unknown>[] {
    const connection = new DatabaseSync(join(this.folder, 'inventory.db'), { readOnly: true });
    try {
      return connection.prepare(sql).all();
    } finally {
      connection.close();
    }
  }

  /** External ids of the live records of a table, in order. */
  live(table: string, stream?: string): string[] {
    const only = stream === undefined ? '' : ` AND stream = '${stream}'`;
    return this.rows(
      `SELECT external_id FROM "${table}" WHERE deleted_at IS NULL${only} ORDER BY external_id`,
    ).map((found) => String(found['external_id']));
  }
}
