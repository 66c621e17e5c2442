// SPDX-License-Identifier: Apache-2.0
import type { ExternalSystemSpec } from '../api/external-system.ts';
import { changesInventory, type Check, type MissedSlots, type SyncRunSpec } from '../api/sync-run.ts';
import type { BoundStream, Connection, Connector, Credentials } from '../connector/contract.ts';
import { Failure } from '../connector/failure.ts';
import type { ArchivedRun, Hold, Store, StreamFailure, StreamTally } from '../store/port.ts';
import { FenceLost, RunEnded } from '../store/port.ts';
import { failureOf, startAttemptClock, stopFailure, type AttemptClock, type TimeLimits } from './control.ts';
import { credentialsEnd } from '../connector/credentials-end.ts';
import { originOf } from '../connector/origin.ts';
import { parseApproval } from './approval.ts';
import { defaultDeletionBudget } from './deletion.ts';
import { stopsRun, unreadVerdict, worstFailure } from './outcome.ts';
import { buildRunEnd } from './run-end.ts';
import { whoReaches } from './first-contact.ts';
import { isVerdict, readingOf } from './plan-run.ts';
import { pruneQuarantine } from './quarantine-retention.ts';
import { fullEveryMs } from './schedule.ts';
import { withdrawUnasked } from './withdrawal.ts';
import { runStream, type StreamContext } from './stream-run.ts';
import { testConnection, testSource, testStream, type TestContext } from './test-run.ts';
import { recordedChecks } from './checks.ts';
import { emptyTally, type StreamReport } from './stream-verdict.ts';
import type { Upstream, UpstreamRequest } from './upstream-side.ts';

/** The system and the run, as the API or a file gave them. */
export interface SyncRequest {
  readonly system: {
    /** `namespace/name`. */
    readonly key: string;
    readonly uid: string;
    readonly generation: number;
    readonly spec: ExternalSystemSpec;
    /** Of the annotation approve-deletions. */
    readonly approval?: string | undefined;
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
  /** Makes a secret that the vendor gave out known to `redact`. */
  readonly learnSecret: (value: string) => void;
  /** From outside: shutdown or cancel, with a RunStop as reason. */
  readonly signal: AbortSignal;
  /** The connection is proven: address, credentials and look-ups worked. */
  readonly onConnected: () => void;
  readonly onProgress: (progress: Progress) => void;
  /** In mode Test: what was found, as soon as it is. */
  readonly onCheck?: (check: Check) => void;
  /** What went wrong, with its cause: only code and message go into the record. */
  readonly onFailure?: (failure: Failure) => void;
}

export interface Progress {
  readonly tally: StreamTally;
  /** Of this attempt, since it began with the stream. */
  readonly recordsPerSecond: number;
  /** No more will come of this stream in this attempt. */
  readonly ended: boolean;
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
  const startedCpu = process.cpuUsage();
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
  // A plan that was stopped in its midst may have left what it worked with.
  await store.tidyPlans(hold);
  return new Attempt(request, deps, hold, startedCpu).run();
}

interface Findings {
  readonly reports: readonly StreamReport[];
  readonly failure: StreamFailure | undefined;
  /** The failure kept the run from going on to the streams that were left. */
  readonly stopped: boolean;
  /** The connection was proven. */
  readonly connected: boolean;
}

class Attempt {
  private readonly request: SyncRequest;
  private readonly deps: SyncDependencies;
  private readonly hold: Hold;
  private readonly startedCpu: NodeJS.CpuUsage;
  private connected = false;
  private credentialsEnd: Date | undefined;
  private upstream: Upstream | undefined;
  private readonly checks: Check[] = [];

  constructor(request: SyncRequest, deps: SyncDependencies, hold: Hold, startedCpu: NodeJS.CpuUsage) {
    this.request = request;
    this.deps = deps;
    this.hold = hold;
    this.startedCpu = startedCpu;
  }

  async run(): Promise<ArchivedRun> {
    const { deps, request } = this;
    using clock = startAttemptClock(request.limits, deps.signal, deps.monotonicMs);
    try {
      return await this.finish(await this.findings(clock));
    } finally {
      await this.upstream?.close();
    }
  }

  private async findings(clock: AttemptClock): Promise<Findings> {
    try {
      const { spec } = this.request.run;
      const connection = await this.connect(clock);
      try {
        this.connected = true;
        this.deps.onConnected();
        return await (spec.mode === 'Test'
          ? this.test(connection, clock.signal)
          : this.readStreams(connection, clock));
      } finally {
        await connection.close();
      }
    } catch (error) {
      if (error instanceof FenceLost) throw error;
      // An aborted request looks like any other failure; the reason of the stop is the truth.
      const failure = clock.signal.aborted ? stopFailure(clock.signal.reason) : failureOf(error);
      this.deps.onFailure?.(failure);
      if (this.request.run.spec.mode === 'Test' && !this.connected)
        this.note({ name: 'connection', result: 'Failed', message: this.deps.redact(failure.message) });
      return { reports: [], failure, stopped: true, connected: this.connected };
    }
  }

  private async connect(clock: AttemptClock): Promise<Connection> {
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
    const credentials = await this.deps.credentials();
    this.credentialsEnd = credentialsEnd(credentials.type, (key) => credentials.optional(key));
    const upstream = this.deps.upstream({
      correlationId: this.hold.correlationId,
      credentials,
      signal: clock.signal,
      remainingMs: clock.remainingMs,
    });
    this.upstream = upstream;
    return connector.connect({
      config,
      credentials,
      pageSize: spec.limits?.pageSize,
      mapping: spec.mapping,
      roleMappings: spec.roleMappings,
      http: (options) => upstream.http(options),
      ldap: (options) => upstream.ldap(options),
      learnSecret: (value) => this.deps.learnSecret(value),
      redact: (text) => this.deps.redact(text),
      now,
      signal: clock.signal,
    });
  }

  private async readStreams(connection: Connection, clock: AttemptClock): Promise<Findings> {
    const { deps, hold, request } = this;
    const before = new Map(
      (await deps.store.progress(hold.runUid)).map((stream) => [stream.tally.stream, stream]),
    );
    const findings = await this.eachStream(connection, async (stream) => {
      const known = before.get(stream.name);
      // A plan starts each stream anew.
      const begun = request.run.spec.mode === 'Plan' ? undefined : known?.tally;
      if (known?.verdict === undefined) return this.readStream(stream, begun, connection, clock);
      // An earlier attempt of this run came to its end.
      deps.onProgress({ tally: known.tally, recordsPerSecond: 0, ended: true });
      return { stream: stream.name, record: stream.record, verdict: known.verdict, brokeOff: false };
    });
    if (changesInventory(request.run.spec.mode)) await withdrawUnasked(deps, hold, findings.reports);
    return findings;
  }

  /** One stream after the other, until a failure says that the others would fail the same way. */
  private async eachStream(
    connection: Connection,
    work: (stream: BoundStream) => Promise<StreamReport>,
  ): Promise<Findings> {
    const reports: StreamReport[] = [];
    let stopped: StreamFailure | undefined;
    for (const stream of connection.streams) {
      if (stopped !== undefined) {
        const verdict = unreadVerdict(`not reached: ${stopped.code}`);
        reports.push({ stream: stream.name, record: stream.record, verdict, brokeOff: false });
        continue;
      }
      const report = await work(stream);
      reports.push(report);
      if (stopsRun(report.verdict.failure, report.brokeOff)) stopped = report.verdict.failure;
    }
    const failure =
      worstFailure(reports.map(({ verdict }) => verdict.failure)) ??
      reports.find(({ verdict }) => verdict.setAside !== undefined)?.verdict.setAside;
    return { reports, failure, stopped: stopped !== undefined, connected: this.connected };
  }

  private async readStream(
    stream: BoundStream,
    before: StreamTally | undefined,
    connection: Connection,
    clock: AttemptClock,
  ): Promise<StreamReport> {
    const { deps } = this;
    const start = before ?? emptyTally(stream);
    const startedMs = deps.monotonicMs();
    let tally = start;
    const tell = (ended: boolean) => {
      const seconds = (deps.monotonicMs() - startedMs) / 1000;
      const recordsPerSecond = seconds === 0 ? 0 : Math.round((tally.fetched - start.fetched) / seconds);
      deps.onProgress({ tally, recordsPerSecond, ended });
    };
    const report = await runStream(stream, start, {
      ...this.streamContext(connection, clock),
      onPage: (now) => {
        tally = now;
        tell(false);
      },
    });
    tell(true);
    return report;
  }

  private streamContext(connection: Connection, clock: AttemptClock): Omit<StreamContext, 'onPage'> {
    const { deps, hold, request } = this;
    const { spec } = request.system;
    return {
      ...readingOf(request.run.spec.mode, deps.store, deps.redact),
      hold,
      source: connection.source,
      fingerprint: connection.fingerprint,
      fullSince: this.fullSince(),
      deletionPolicy: spec.deletion?.policy ?? 'Tombstone',
      deletionBudget: { ...defaultDeletionBudget, ...spec.deletion?.budget },
      approval: parseApproval(request.system.approval),
      now: deps.now,
      signal: clock.signal,
      softReached: clock.softReached,
      giveUp: clock.giveUp,
      redact: deps.redact,
      onFailure: (failure) => deps.onFailure?.(failure),
    };
  }

  /**
   * A scheduled full run reads in full what is due for it: with many streams a first load may need several runs, and those that
   * had theirs need not start again. Who asks for a full run means everything.
   */
  private fullSince(): Date {
    const { request, deps, hold } = this;
    if (request.run.spec.trigger !== 'Schedule') return hold.startedAt;
    return new Date(deps.now().getTime() - fullEveryMs(request.system.spec.schedule));
  }

  /** Of what mode Test asks about: first what all streams share. */
  private async test(connection: Connection, signal: AbortSignal): Promise<Findings> {
    const { connector, redact } = this.deps;
    const origin = originOf(connector.origin(this.request.system.spec.connector[connector.id]));
    const context: TestContext = {
      redact,
      onCheck: (check) => this.note(check),
      failed: (error) => {
        const failure = signal.aborted ? stopFailure(signal.reason) : failureOf(error);
        this.deps.onFailure?.(failure);
        return failure;
      },
    };
    const shared = worstFailure([
      await testConnection(connection, () => this.upstream?.clockOf(origin), context),
      await testSource(connection, { system: this.hold.system, store: this.deps.store }, context),
    ]);
    if (shared !== undefined && stopsRun(shared, true)) {
      return { reports: [], failure: shared, stopped: true, connected: this.connected };
    }
    const findings = await this.eachStream(connection, (stream) => testStream(stream, context));
    return { ...findings, failure: worstFailure([shared, findings.failure]) };
  }

  private note(check: Check): void {
    this.checks.push(check);
    this.deps.onCheck?.(check);
  }

  private async finish(findings: Findings): Promise<ArchivedRun> {
    const { request, hold, deps } = this;
    const { system, run } = request;
    const { failure, stopped, reports, connected } = findings;
    const endedAt = deps.now();
    // A run that came to no connection says nothing of who broke it.
    const audience =
      failure === undefined || connected ? failure?.audience : await whoReaches(deps.store, system, failure);
    const usage = this.upstream?.usage;
    const cpu = process.cpuUsage(this.startedCpu);
    const facts = {
      system: system.key,
      systemUid: system.uid,
      systemGeneration: system.generation,
      run,
      worker: request.worker,
      attempt: run.attempt,
      correlationId: hold.correlationId,
      startedAt: hold.startedAt,
      missedSlots: run.missedSlots,
    };
    const ending = {
      reports,
      stopped,
      endedAt,
      verdict: isVerdict(run.spec.mode, connected, failure?.code),
      failure:
        failure === undefined
          ? undefined
          : { code: failure.code, message: deps.redact(failure.message), audience },
      ...(run.spec.mode === 'Test' ? { checks: recordedChecks(this.checks) } : {}),
      credentialsEnd: this.credentialsEnd,
      cost: {
        upstream: {
          requests: usage?.requests ?? 0,
          bytes: usage?.bytes ?? 0,
          throttledSeconds: Math.round(usage?.throttledMs ?? 0) / 1000,
        },
        cpuSeconds: Math.round((cpu.user + cpu.system) / 1000) / 1000,
      },
    };
    if (changesInventory(run.spec.mode)) await pruneQuarantine(deps.store, system, endedAt);
    if (run.spec.mode === 'Plan') await deps.store.tidyPlans(hold);
    return deps.store.finish(hold, (link) => buildRunEnd(facts, ending, link));
  }
}
