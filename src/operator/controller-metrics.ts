// SPDX-License-Identifier: Apache-2.0
import type { ExternalSystem, SyncRun } from '../api/resource.ts';
import type { SyncRunStatus } from '../api/sync-run.ts';
import type { ArchivedRun } from '../store/port.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { keyOf, systemKeyOf } from './keys.ts';
import type { RequestObserver } from './kube-client.ts';

export interface ScrapeFacts {
  readonly systems: readonly ExternalSystem[];
  /** Those that have not ended. */
  readonly runs: readonly SyncRun[];
  readonly now: Date;
  readonly activeRuns: number;
  readonly leader: boolean;
  readonly queues: Readonly<Record<string, number>>;
}

const counted = ['fetched', 'created', 'updated', 'unchanged', 'deleted', 'failed', 'withdrawn'] as const;

/** Turns what happens in the controller into metrics. */
export class ControllerMetrics {
  private readonly metrics: Metrics;
  private readonly connectorOf: (system: ExternalSystem) => string;

  constructor(metrics: Metrics, connectorOf: (system: ExternalSystem) => string) {
    this.metrics = metrics;
    this.connectorOf = connectorOf;
  }

  readonly kubeRequest: RequestObserver = ({ verb, resource, code }) => {
    this.metrics.count('extsys_kube_requests_total', { verb, resource, code });
  };

  queueWaited(queue: string, ms: number): void {
    this.metrics.observe('extsys_queue_latency_seconds', { queue }, ms / 1000);
  }

  started(slot: string, now: Date): void {
    this.metrics.observe(
      'extsys_schedule_skew_seconds',
      {},
      Math.max(0, (now.getTime() - Date.parse(slot)) / 1000),
    );
  }

  /** All rows of a system whose object is gone. */
  withdrawn(system: string): void {
    const [namespace = ''] = system.split('/');
    this.metrics.count('extsys_systems_withdrawn_total', { namespace });
  }

  /** A run whose system is gone has no connector to be counted under. */
  ended(system: ExternalSystem | undefined, archived: ArchivedRun, status: SyncRunStatus): void {
    const [namespace = '', name = ''] = archived.system.split('/');
    const labels = {
      namespace,
      system: name,
      connector: system === undefined ? 'unknown' : this.connectorOf(system),
    };
    const { metrics } = this;
    const { mode, phase, failureCode } = archived;
    // A run that was skipped has not failed: its code says why it was skipped.
    const failure = phase === 'Skipped' ? 'none' : (failureCode ?? 'none');
    metrics.count('extsys_runs_total', { ...labels, mode, phase, failure });
    metrics.observe(
      'extsys_run_duration_seconds',
      labels,
      (archived.endedAt.getTime() - archived.startedAt.getTime()) / 1000,
    );
    for (const stream of status.streams ?? []) {
      for (const result of counted) {
        const records = stream[result] ?? 0;
        if (records > 0)
          metrics.count('extsys_records_total', { ...labels, stream: stream.name, result }, records);
      }
    }
    metrics.count('extsys_upstream_bytes_total', labels, status.upstream?.bytes ?? 0);
    metrics.count('extsys_upstream_throttled_seconds_total', labels, status.upstream?.throttledSeconds ?? 0);
    if (status.missedSlots !== undefined)
      metrics.count('extsys_missed_slots_total', labels, status.missedSlots.count);
  }

  /** States as they are now, so that a system that is gone leaves no series behind. */
  fill(facts: ScrapeFacts): void {
    const { metrics } = this;
    for (const name of [
      'extsys_ready',
      'extsys_suspended',
      'extsys_overdue_seconds',
      'extsys_last_success_timestamp_seconds',
      'extsys_consecutive_failures',
      'extsys_credentials_expiry_timestamp_seconds',
      'extsys_records_awaiting_approval',
      'extsys_quarantined_rows',
    ] as const) {
      metrics.reset(name);
    }
    metrics.set('extsys_active_runs', {}, facts.activeRuns);
    metrics.set('extsys_leader', {}, facts.leader ? 1 : 0);
    for (const [queue, depth] of Object.entries(facts.queues))
      metrics.set('extsys_queue_depth', { queue }, depth);
    const scheduled = Map.groupBy(
      facts.runs.filter(({ spec }) => spec.scheduledTime !== undefined),
      systemKeyOf,
    );
    for (const system of facts.systems) {
      const since = overdueSince(system, scheduled.get(keyOf(system)) ?? []);
      this.fillSystem(system, Math.max(0, (facts.now.getTime() - since) / 1000));
    }
  }

  private fillSystem(system: ExternalSystem, overdueSeconds: number): void {
    const { metrics } = this;
    const { status = {}, metadata, spec } = system;
    const labels = {
      namespace: metadata.namespace,
      system: metadata.name,
      connector: this.connectorOf(system),
    };
    const ready =
      status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true;
    metrics.set('extsys_ready', labels, ready ? 1 : 0);
    metrics.set('extsys_suspended', labels, spec.suspend === true ? 1 : 0);
    metrics.set('extsys_overdue_seconds', labels, overdueSeconds);
    metrics.set('extsys_consecutive_failures', labels, status.consecutiveFailures ?? 0);
    metrics.set('extsys_records_awaiting_approval', labels, status.deletionProposal?.records ?? 0);
    for (const { stream, rows } of status.rowsSetAside ?? [])
      metrics.set(
        'extsys_quarantined_rows',
        { namespace: metadata.namespace, system: metadata.name, stream },
        rows,
      );
    const times = {
      extsys_last_success_timestamp_seconds: status.lastSuccessTime,
      extsys_credentials_expiry_timestamp_seconds: status.credentialsExpiryTime,
    } as const;
    for (const name of [
      'extsys_last_success_timestamp_seconds',
      'extsys_credentials_expiry_timestamp_seconds',
    ] as const) {
      const time = times[name];
      if (time !== undefined) metrics.set(name, labels, Date.parse(time) / 1000);
    }
  }
}

/**
 * Since when a scheduled run should have started, in ms since 1970: one that is due and not made, or made and not started. The status
 * may not have heard yet of a run that was made: then its nextRunTime is the start of that very run.
 */
export function overdueSince({ status = {} }: ExternalSystem, scheduled: readonly SyncRun[]): number {
  const heardOf = status.lastScheduleTime === undefined ? 0 : Date.parse(status.lastScheduleTime);
  const unheard = scheduled.some(({ spec }) => Date.parse(spec.scheduledTime ?? '') > heardOf);
  const pending = scheduled.filter((run) => run.status?.phase !== 'Running');
  return Math.min(
    unheard || status.nextRunTime === undefined ? Infinity : Date.parse(status.nextRunTime),
    ...pending.map(({ metadata }) => Date.parse(metadata.creationTimestamp)),
  );
}
