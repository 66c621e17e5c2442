// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { ExternalSystemSpec } from '../../src/api/external-system.ts';
import type { RunMode, RunTrigger, SyncRunStatus } from '../../src/api/sync-run.ts';
import type { Store } from '../../src/store/port.ts';
import { sqliteStore } from '../../src/store/sqlite/index.ts';
import { runSync, type SyncDependencies } from '../../src/sync/engine.ts';
import { statusFromArchive } from '../../src/sync/run-record.ts';
import { fakeConnector, type Events, type Script } from './fake-connector.ts';
import { noUpstream } from './no-upstream.ts';

/** A store in a file of its own, and runs against it. Time moves only when told. */
export class SyncBench {
  /** Empty when the store is somebody else's. */
  readonly folder: string;
  store: Store;
  readonly script: Script = { events: [], asked: [] };
  time = Date.parse('2026-03-01T10:00:00Z');
  spec: Partial<ExternalSystemSpec> = {};
  /** What a person has approved, `RUN@DIGEST`. */
  approval: string | undefined;
  private runs = 0;

  /** Against another store than the file of its own, when given. */
  constructor(store?: Store) {
    this.folder = store === undefined ? mkdtempSync(join(tmpdir(), 'extsys-')) : '';
    this.store = store ?? sqliteStore(this.file);
  }

  get file(): string {
    return join(this.folder, 'inventory.db');
  }

  async open(): Promise<this> {
    await this.store.open();
    return this;
  }

  async close(): Promise<void> {
    await this.store.close();
    if (this.folder !== '') rmSync(this.folder, { recursive: true, force: true });
  }

  /** Carries out one run of the script's events and answers its status. */
  async run(events: Events, options: RunOptions = {}): Promise<SyncRunStatus> {
    this.script.events = events;
    this.script.more = options.more;
    this.script.edges = options.edges;
    this.runs += 1;
    const uid = options.uid ?? `run-${this.runs}`;
    const archived = await runSync(
      {
        system: {
          key: 'inventory/fake',
          uid: 'system-uid',
          generation: 1,
          spec: { connector: { fake: {} }, auth: { type: 'None' }, ...this.spec },
          approval: this.approval,
        },
        run: {
          name: `fake-${uid}`,
          uid,
          spec: {
            systemRef: { name: 'fake' },
            mode: options.mode ?? 'Incremental',
            ...(options.trigger === undefined ? {} : { trigger: options.trigger }),
          },
          attempt: options.attempt ?? 1,
        },
        worker: 'worker-1',
        limits: options.limits ?? { softMs: 60_000, hardMs: 120_000 },
      },
      this.dependencies(options),
    );
    return statusFromArchive(archived);
  }

  private dependencies(options: RunOptions): SyncDependencies {
    return {
      store: options.store?.(this.store) ?? this.store,
      connector: fakeConnector(this.script),
      credentials: async () => ({
        type: 'None',
        source: 'no Secret',
        account: '',
        value: () => '',
        optional: () => undefined,
      }),
      upstream: noUpstream,
      now: () => new Date(this.time),
      monotonicMs: () => options.monotonicMs?.() ?? 0,
      redact: options.redact ?? ((text) => text),
      learnSecret: () => undefined,
      signal: options.signal ?? new AbortController().signal,
      onConnected: () => undefined,
      onProgress: () => undefined,
    };
  }

  /** Rows of the database file, read through a connection of its own. */
  rows(sql: string): Record<string, unknown>[] {
    const connection = new DatabaseSync(this.file, { readOnly: true });
    try {
      return connection.prepare(sql).all();
    } finally {
      connection.close();
    }
  }

  /** External ids of the live assets, in order. */
  live(): string[] {
    return this.rows('SELECT external_id FROM assets WHERE deleted_at IS NULL ORDER BY external_id').map(
      (found) => found['external_id'] as string,
    );
  }
}

export interface RunOptions {
  /** Events of the second stream. */
  readonly more?: Events;
  /** Events of the stream of memberships. */
  readonly edges?: Events;
  readonly trigger?: RunTrigger;
  /** Stands before the store, to make it fail. */
  readonly store?: (store: Store) => Store;
  readonly mode?: RunMode;
  readonly uid?: string;
  readonly attempt?: number;
  readonly limits?: { readonly softMs: number; readonly hardMs: number };
  readonly signal?: AbortSignal;
  readonly monotonicMs?: () => number;
  readonly redact?: (text: string) => string;
}
