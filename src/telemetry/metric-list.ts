// SPDX-License-Identifier: Apache-2.0

export interface MetricFacts {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
}

const system = ['namespace', 'system', 'connector'] as const;

/**
 * Every metric of ours. Labels are bounded: namespaces, systems, streams, closed sets, and at most 50 applications of a
 * system; never the name of a run. Times are
 * seconds, sizes bytes. docs/metrics.md is generated from this list.
 */
export const metricList = {
  extsys_runs_total: {
    type: 'counter',
    help: 'Runs that ended, by outcome; failure is the failure code or none.',
    labels: [...system, 'mode', 'phase', 'failure'],
  },
  extsys_run_duration_seconds: {
    type: 'histogram',
    help: 'Time from the start of a run to its archived end.',
    labels: system,
    buckets: [1, 5, 15, 60, 300, 900, 1800, 3600],
  },
  extsys_records_total: {
    type: 'counter',
    help: 'Records by stream and result: fetched, created, updated, unchanged, deleted, failed, withdrawn.',
    labels: [...system, 'stream', 'result'],
  },
  extsys_systems_withdrawn_total: {
    type: 'counter',
    help: 'Systems whose rows were withdrawn because their ExternalSystem was deleted.',
    labels: ['namespace'],
  },
  extsys_upstream_requests_total: {
    type: 'counter',
    help: 'Requests to external systems, retries included, by HTTP status or name of the LDAP result; 0 when there was no answer.',
    labels: [...system, 'code'],
  },
  extsys_upstream_request_duration_seconds: {
    type: 'histogram',
    help: 'Duration of requests to external systems, body included.',
    labels: ['connector', 'code'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60],
  },
  extsys_upstream_bytes_total: {
    type: 'counter',
    help: 'Bytes of answers read from external systems by the last attempt of a run, counted when it ends.',
    labels: system,
  },
  extsys_upstream_throttled_seconds_total: {
    type: 'counter',
    help: 'Time that the last attempt of a run spent waiting because an external system asked for it, counted when it ends.',
    labels: system,
  },
  extsys_schedule_skew_seconds: {
    type: 'histogram',
    help: 'Time from the nominal slot to the start of its run, jitter included.',
    labels: [],
    buckets: [1, 5, 15, 60, 300, 900, 3600],
  },
  extsys_missed_slots_total: { type: 'counter', help: 'Slots that got no run of their own.', labels: system },
  extsys_ready: { type: 'gauge', help: '1 when the condition Ready is True, else 0.', labels: system },
  extsys_suspended: { type: 'gauge', help: '1 when spec.suspend is true.', labels: system },
  extsys_overdue_seconds: {
    type: 'gauge',
    help: 'How long the next scheduled run has been due; 0 when none is.',
    labels: system,
  },
  extsys_last_success_timestamp_seconds: {
    type: 'gauge',
    help: 'Unix time at which the newest successful run ended; absent before the first.',
    labels: system,
  },
  extsys_consecutive_failures: {
    type: 'gauge',
    help: 'Failed runs since the newest success.',
    labels: system,
  },
  extsys_credentials_expiry_timestamp_seconds: {
    type: 'gauge',
    help: 'Unix time at which the login of a system ends, as its newest run saw; only of auth.type Certificate.',
    labels: system,
  },
  extsys_records_awaiting_approval: {
    type: 'gauge',
    help: 'Records that look gone, passed the deletion budget and wait for approval.',
    labels: system,
  },
  extsys_quarantined_rows: {
    type: 'gauge',
    help: 'Rows that did not fit and are set aside; absent when there are none.',
    labels: ['namespace', 'system', 'stream'],
  },
  extsys_sso_certificate_expiry_timestamp_seconds: {
    type: 'gauge',
    help: 'Unix time at which the certificate ends that an application signs people in with; floor((this - time()) / 86400) is days_to_expiry. The 50 that end first of each system, disabled applications left out. On the leader.',
    labels: ['namespace', 'system', 'application', 'application_id'],
  },
  extsys_sso_applications: {
    type: 'gauge',
    help: 'Applications that people sign in to, by their certificate: current, expiring (30 days), expired, none; disabled ones left out. On the leader.',
    labels: ['namespace', 'system', 'state'],
  },
  extsys_active_runs: { type: 'gauge', help: 'Runs this replica works on.', labels: [] },
  extsys_queue_depth: { type: 'gauge', help: 'Keys waiting for a worker.', labels: ['queue'] },
  extsys_queue_latency_seconds: {
    type: 'histogram',
    help: 'Time a key waited for a worker.',
    labels: ['queue'],
    buckets: [0.001, 0.01, 0.1, 1, 10, 60],
  },
  extsys_leader: {
    type: 'gauge',
    help: '1 on the replica that makes runs and writes conditions.',
    labels: [],
  },
  extsys_kube_requests_total: {
    type: 'counter',
    help: 'Requests to the API server; code 0 when there was no answer.',
    labels: ['verb', 'resource', 'code'],
  },
  extsys_build_info: { type: 'gauge', help: 'Always 1; the version is a label.', labels: ['version'] },
} as const satisfies Readonly<Record<string, MetricFacts>>;

export type MetricName = keyof typeof metricList;
