// SPDX-License-Identifier: Apache-2.0
import type { ExternalSystemSpec } from '../api/external-system.ts';
import type { MissedSlots, SyncRunSpec, SyncRunStatus } from '../api/sync-run.ts';
import type { BoundStream, Connection, Connector, Credentials } from '../connector/contract.ts';
import { asFailure, Failure, toRunFailure } from '../connector/failure.ts';
import type { HttpClient, HttpClientOptions } from '../connector/http.ts';
import type { ArchivedRun, Hold, Store, StreamTally } from '../store/port.ts';
import { FenceLost, RunEnded } from '../store/port.ts';
import { RunStop, startTimeLimits, type TimeLimits } from './control.ts';
import { defaultDeletionBudget } from './deletion.ts';
import { phaseOf, stopsRun, toStreamStatus, totalsOf, worstFailure } from './outcome.ts';
import { redactStatus, sealRun } from './run-record.ts';
import { emptyTally, runStream, type StreamReport } from './stream-run.ts';

/** The system and the run, as the API or a file gave them. */
export interface SyncRequest {
  readonly system: {
    /** `namespace/name`. */
    readonly key: string;
    readonly uid: string;
    readonly generation: number;
    readonly spec: ExternalSystemSpec;
  };
  readonly run: {
    readonly name: string;
    readonly uid: string;
    readonly spec: SyncRunSpec;
    readonly attempt: number;
    readonly missedSlots?: MissedSlots;
  };
  readonly worker: string;
  readonly limits: TimeLimits;
}

/** The upstream side of one attempt: clients that share budget, correlation id and meter. */
export interface Upstream {
  http(options: HttpClientOptions): HttpClient;
  readonly usage: { readonly requests: number; readonly bytes: number; readonly throttledMs: number };
  close(): Promise<void>;
}

export interface UpstreamRequest {
  readonly correlationId: string;
  readonly signal: AbortSignal;
  /** No wait may be longer than this. */
  readonly remainingMs: () => number;
}

export interface SyncDependencies {
  readonly store: Store;
  readonly connector: Connector;
  /** Reads the credentials; throws a Failure that names the Secret and the key. */
  readonly credentials: () => Promise<Credentials>;
  readonly upstream: (request: UpstreamRequest) => Upstream;
  readonly now: () => Date;
  readonly monotonicMs: () => number;
  /** Takes known secret values out of a text. */
  readonly redact: (text: string) => string;
  /** From outside: shutdown or cancel, with a RunStop as reason. */
  readonly signal: AbortSignal;
  /** The connection is proven: address, credentials and look-ups worked. */
  readonly onConnected: () => void;
  readonly onProgress: (progress: Progress) => void;
}

export interface Progress {
  readonly tally: StreamTally;
  readonly elapsedMs: number;
}

/**
 * Runs one attempt of one run to its archived end.
 *
 * @throws FenceLost when another worker has the run: nothing may be written any more.
 * @throws RunStop of kind shutdown: the run stays open for takeover.
 * @throws anything of the store when the database is away: the run has not ended.
 */
export async function runSync(request: SyncRequest, deps: SyncDependencies): Promise<ArchivedRun> {
  const { system, run } = request;
  const { store, now } = deps;
  const correlationId = run.spec.correlationId ?? run.uid;
  let hold: Hold;
  try {
    hold = await store.claim({
      system: system.key,
      systemUid: system.uid,
      systemGeneration: system.generation,
      runUid: run.uid,
      runName: run.name,
      attempt: run.attempt,
      mode: run.spec.mode,
      trigger: run.spec.trigger ?? 'Manual',
      slot: run.spec.scheduledTime === undefined ? undefined : new Date(run.spec.scheduledTime),
      correlationId,
      worker: request.worker,
      demo: system.spec.demo ?? false,
      at: now(),
    });
  } catch (error) {
    if (error instanceof RunEnded) return error.archived;
    throw error;
  }
  const attempt = new Attempt(request, deps, hold);
  return attempt.run();
}

interface Findings {
  readonly reports: readonly StreamReport[];
  readonly failure: Failure | undefined;
  /** Every enabled stream was read in full and verified. */
  readonly fullComplete: boolean;
}

class Attempt {
  private readonly request: SyncRequest;
  private readonly deps: SyncDependencies;
  private readonly hold: Hold;
  private readonly startedMs: number;
  private readonly startedCpu: NodeJS.CpuUsage;

  constructor(request: SyncRequest, deps: SyncDependencies, hold: Hold) {
    this.request = request;
    this.deps = deps;
    this.hold = hold;
    this.startedMs = deps.monotonicMs();
    this.startedCpu = process.cpuUsage();
  }

  async run(): Promise<ArchivedRun> {
    const { deps, request } = this;
    using time = startTimeLimits(request.limits, deps.signal, deps.monotonicMs);
    const upstream = deps.upstream({
      correlationId: this.hold.correlationId,
      signal: time.signal,
      remainingMs: time.remainingMs,
    });
    try {
      const findings = await this.findings(upstream, time);
      return await this.finish(findings, upstream.usage);
    } finally {
      await upstream.close();
    }
  }

  private async findings(upstream: Upstream, time: ReturnType<typeof startTimeLimits>): Promise<Findings> {
    try {
      if (this.request.run.spec.mode === 'Plan') {
        throw new Failure(
          'configuration',
          'spec.mode Plan is not available in this version; use Test, Incremental or Full',
        );
      }
      const connection = await this.connect(upstream, time.signal);
      this.deps.onConnected();
      try {
        const test = this.request.run.spec.mode === 'Test';
        return await (test ? this.testStreams(connection) : this.readStreams(connection, time));
      } finally {
        await connection.close();
      }
    } catch (error) {
      return { reports: [], failure: this.endingFailure(error, time.signal), fullComplete: false };
    }
  }

  /** A failure that ends the run in its record; what must not be recorded is thrown on. */
  private endingFailure(error: unknown, signal: AbortSignal): Failure {
    const cause: unknown = signal.aborted && !(error instanceof FenceLost) ? signal.reason : error;
    if (cause instanceof FenceLost) throw cause;
    if (!(cause instanceof RunStop)) return asFailure(cause);
    if (cause.kind === 'shutdown') throw cause;
    return new Failure('cancelled', `${cause.message}; the next run goes on from the checkpoint`);
  }

  private async connect(upstream: Upstream, signal: AbortSignal): Promise<Connection> {
    const { connector, now } = this.deps;
    const { spec } = this.request.system;
    const config = spec.connector[connector.id];
    const problem = connector.problem(config);
    if (problem !== undefined) {
      throw new Failure('configuration', `spec.connector.${connector.id}${problem.path}: ${problem.reason}`);
    }
    if (!connector.auth.includes(spec.auth.type)) {
      const allowed = connector.auth.join(' or ');
      throw new Failure(
        'configuration',
        `spec.auth.type ${spec.auth.type} does not fit ${connector.id}; use ${allowed}`,
      );
    }
    return connector.connect({
      config,
      credentials: await this.deps.credentials(),
      pageSize: spec.limits?.pageSize,
      http: (options) => upstream.http(options),
      now,
      signal,
    });
  }

  private async readStreams(
    connection: Connection,
    time: ReturnType<typeof startTimeLimits>,
  ): Promise<Findings> {
    const { deps, hold, request } = this;
    const { spec } = request.system;
    const full = request.run.spec.mode === 'Full';
    const started = new Map((await deps.store.tallies(hold.runUid)).map((tally) => [tally.stream, tally]));
    const reports: StreamReport[] = [];
    let stopped: Failure | undefined;
    for (const stream of connection.streams) {
      const start = started.get(stream.name) ?? emptyTally({ name: stream.name, record: stream.record });
      if (stopped !== undefined) {
        reports.push(notReached(start, stopped));
        continue;
      }
      const report = await runStream(stream, start, {
        store: deps.store,
        hold,
        source: connection.source,
        fingerprint: connection.fingerprint,
        mode: full ? 'Full' : 'Incremental',
        deletionPolicy: spec.deletion?.policy ?? 'Tombstone',
        deletionBudget: { ...defaultDeletionBudget, ...spec.deletion?.budget },
        now: deps.now,
        signal: time.signal,
        softReached: time.softReached,
        redact: deps.redact,
        onPage: (tally) => deps.onProgress({ tally, elapsedMs: deps.monotonicMs() - this.startedMs }),
      }).catch((error: unknown) => failedReport(start, this.endingFailure(error, time.signal)));
      reports.push(report);
      if (stopsRun(report.failure)) stopped = report.failure;
    }
    const fullComplete = reports.every((report) => report.complete && report.mode === 'Full');
    return { reports, failure: worstFailure(reports.map((report) => report.failure)), fullComplete };
  }

  private async testStreams(connection: Connection): Promise<Findings> {
    const reports: StreamReport[] = [];
    for (const stream of connection.streams) reports.push(await testStream(stream));
    return { reports, failure: worstFailure(reports.map((report) => report.failure)), fullComplete: false };
  }

  private async finish(findings: Findings, usage: Upstream['usage']): Promise<ArchivedRun> {
    const { request, hold, deps } = this;
    const endedAt = deps.now();
    const phase = phaseOf(findings.reports, findings.failure);
    const cpu = process.cpuUsage(this.startedCpu);
    const status: SyncRunStatus = {
      phase,
      mode: request.run.spec.mode,
      startTime: seconds(hold.startedAt),
      completionTime: seconds(endedAt),
      systemUid: request.system.uid,
      systemGeneration: request.system.generation,
      worker: request.worker,
      attempt: request.run.attempt,
      correlationId: hold.correlationId,
      ...(request.run.missedSlots === undefined ? {} : { missedSlots: request.run.missedSlots }),
      totals: totalsOf(findings.reports),
      streams: findings.reports.map(toStreamStatus),
      ...unverifiedOf(findings.reports),
      upstream: {
        requests: usage.requests,
        bytes: usage.bytes,
        throttledSeconds: Math.round(usage.throttledMs) / 1000,
      },
      cpuSeconds: Math.round((cpu.user + cpu.system) / 1000) / 1000,
      ...(findings.failure === undefined ? {} : { failure: toRunFailure(findings.failure) }),
    };
    const record = {
      system: request.system.key,
      run: { name: request.run.name, uid: request.run.uid },
      spec: request.run.spec,
      status: redactStatus(status, deps.redact),
    };
    const outcome = {
      phase,
      failureCode: findings.failure?.code,
      endedAt,
      fullComplete: findings.fullComplete,
    };
    return deps.store.finish(hold, outcome, (link) => sealRun(record, link));
  }
}

function unverifiedOf(reports: readonly StreamReport[]): Pick<SyncRunStatus, 'unverifiedScopes'> {
  const scopes = reports.flatMap((report) => report.unverified).slice(0, 10);
  return scopes.length === 0 ? {} : { unverifiedScopes: scopes };
}

function blankReport(tally: StreamTally): StreamReport {
  return {
    tally,
    mode: undefined,
    complete: false,
    incompleteReason: undefined,
    scopesTotal: 0,
    scopesVerified: 0,
    unverified: [],
    withheld: 0,
    failure: undefined,
  };
}

function failedReport(tally: StreamTally, failure: Failure): StreamReport {
  const incompleteReason = `${failure.code}: ${failure.message}`.slice(0, 128);
  return { ...blankReport(tally), incompleteReason, failure };
}

function notReached(tally: StreamTally, stopped: Failure): StreamReport {
  return { ...blankReport(tally), incompleteReason: `not reached: ${stopped.code}` };
}

async function testStream(stream: BoundStream): Promise<StreamReport> {
  const tally = emptyTally({ name: stream.name, record: stream.record });
  try {
    await stream.test();
    return { ...blankReport(tally), complete: true };
  } catch (error) {
    return failedReport(tally, asFailure(error));
  }
}

/** API times carry whole seconds. */
export function seconds(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/u, 'Z');
}
