// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { connectors } from '../../connectors/index.ts';
import type { ExternalSystem, OwnerReference } from '../api/resource.ts';
import type { Connector } from '../connector/contract.ts';
import { Failure } from '../connector/failure.ts';
import { Controller } from '../operator/controller.ts';
import type { loadKubeConfig } from '../operator/kube-config.ts';
import { DatabaseRefused } from '../store/port.ts';
import { runSync } from '../sync/engine.ts';
import { createLogger, logLevels, type LogLevel, type Logger } from '../telemetry/logger.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { openWhenThere } from './awaited-store.ts';
import { kubeConfigOf } from './cluster.ts';
import type { Streams } from './command.ts';
import { specProblemOf } from './known.ts';
import { InputError } from './manifests.ts';
import { Front } from './operator-front.ts';
import { createRuntime, type RequestObservation } from './runtime.ts';
import {
  openStore,
  refusedStore,
  storeOptions,
  storeUsage,
  type StoreFlags,
  type StoreSurroundings,
} from './store-url.ts';
import { version } from './version.ts';

export const operatorUsage = `extsys operator [--store URL] [--kubeconfig FILE] [--context NAME] [--namespace NAME]…

The controller: watches ExternalSystems, makes and works on SyncRuns. In a pod it uses the pod's account, elsewhere your kubeconfig.

${storeUsage}
      --adopt-database ID         take over the database of the installation ID, which is gone for good
      --kubeconfig FILE           instead of KUBECONFIG, ~/.kube/config or the pod's account
      --context NAME              of the kubeconfig
      --namespace NAME            watch this namespace only; may be given several times (default all)
      --lease-namespace NAME      where the Leases are (default: the pod's namespace, else default)
      --listen ADDRESS            for /metrics, /healthz, /readyz (default :8080; port 0 takes a free one)
      --concurrent-runs N         runs at a time (default 4)
      --allow-insecure-upstreams  allow plain http: and ldap:, loopback and link-local upstreams
      --log-level LEVEL           ${logLevels.join(', ')} (default info)
`;

/** `extsys operator`. Ends on SIGTERM and SIGINT, after the runs in hand have reached their checkpoints. */
export async function operatorCommand(args: readonly string[], streams: Streams): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    // A later --no-… takes a flag back: wrappers set flags that a user may not want.
    allowNegative: true,
    options: {
      ...storeOptions,
      'adopt-database': { type: 'string' },
      kubeconfig: { type: 'string' },
      context: { type: 'string' },
      namespace: { type: 'string', multiple: true, default: [] },
      'lease-namespace': { type: 'string' },
      listen: { type: 'string', default: ':8080' },
      'concurrent-runs': { type: 'string', default: '4' },
      'allow-insecure-upstreams': { type: 'boolean', default: false },
      'log-level': { type: 'string', default: 'info' },
    },
  });
  const level = logLevels.find((name) => name === values['log-level']);
  if (level === undefined)
    throw new InputError(`--log-level ${values['log-level']}: use ${logLevels.join(', ')}`);
  const concurrentRuns = Number(values['concurrent-runs']);
  if (!Number.isInteger(concurrentRuns) || concurrentRuns < 1 || concurrentRuns > 64) {
    throw new InputError(`--concurrent-runs ${values['concurrent-runs']}: use a whole number from 1 to 64`);
  }
  const { host, port } = parseListen(values.listen);
  const namespaces = namespacesOf('--namespace', values.namespace);
  namespacesOf(
    '--lease-namespace',
    values['lease-namespace'] === undefined ? [] : [values['lease-namespace']],
  );
  const adoptDatabase = installationOf(values['adopt-database']);
  const { config, namespace: podNamespace } = kubeConfigOf(values);
  // Not the watched one: operators that watch different namespaces of a cluster must still see each other.
  const leaseNamespace = values['lease-namespace'] ?? podNamespace ?? 'default';
  return runOperator({
    store: values,
    adoptDatabase,
    config,
    namespaces,
    leaseNamespace,
    // An owner in another namespace does not exist for the garbage collector: it would delete the Lease.
    pod: leaseNamespace === podNamespace ? podOf(process.env) : undefined,
    host,
    port,
    concurrentRuns,
    allowInsecure: values['allow-insecure-upstreams'],
    level,
    streams,
  });
}

interface OperatorSettings {
  readonly store: StoreFlags;
  readonly adoptDatabase: string | undefined;
  readonly config: ReturnType<typeof loadKubeConfig>['config'];
  readonly namespaces: readonly string[];
  readonly leaseNamespace: string;
  readonly pod: OwnerReference | undefined;
  readonly host: string;
  readonly port: number;
  readonly concurrentRuns: number;
  readonly allowInsecure: boolean;
  readonly level: LogLevel;
  readonly streams: Streams;
}

async function runOperator(settings: OperatorSettings): Promise<number> {
  const metrics = createMetrics(version);
  const runtime = createRuntime({
    version,
    addresses: {
      allowHttp: settings.allowInsecure,
      allowLoopback: settings.allowInsecure,
      remedy: 'start the operator with --allow-insecure-upstreams to allow it',
    },
    onRequest: (observation) => countRequest(metrics, observation),
  });
  const redact = (text: string) => runtime.redactor.redact(text);
  const { stdout } = settings.streams;
  const logger = createLogger({
    level: settings.level,
    destination: { write: (line) => stdout.write(line) },
    redact,
  });
  const stop = stopSignal(logger);
  const front = new Front(settings, metrics, logger);
  const store = await openWhenThere((signal) => openStore(settings.store, surroundings(logger), signal), {
    signal: stop,
    onAway: (reason) => front.databaseAway(reason),
  }).catch(async (error: unknown) => {
    await front.close();
    throw error;
  });
  if (store === undefined) {
    await front.close();
    logger.info('stopped');
    return 0;
  }
  const controller = new Controller({
    config: settings.config,
    store,
    adoptDatabase: settings.adoptDatabase,
    logger,
    metrics,
    identity: `extsys-${hostname()
      .toLowerCase()
      .replaceAll(/[^a-z0-9-]/gu, '-')
      .slice(0, 40)}-${randomBytes(4).toString('hex')}`,
    leaseNamespace: settings.leaseNamespace,
    pod: settings.pod,
    namespaces: settings.namespaces,
    concurrentRuns: settings.concurrentRuns,
    specProblem: specProblemOf,
    connectorOf: (system) => connectorOf(system)?.id ?? 'unknown',
    sync: ({ request, system, ...input }) => {
      const connector = connectorOf(system);
      if (connector === undefined)
        throw new Failure('configuration', 'spec.connector names no known connector');
      return runSync(request, runtime.dependencies({ ...input, system, connector, store }));
    },
    redact,
    forgetSecrets: (system) => runtime.redactor.forget(system),
    now: runtime.now,
    monotonicMs: runtime.monotonicMs,
    random: Math.random,
  });
  await front.open(controller).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  const refused = refusalOf(controller.start(), logger);
  const reason = await Promise.race([aborted(stop), refused]);
  await controller.shutdown();
  await front.close();
  await store.close();
  if (reason !== undefined) throw refusedStore(settings.store, reason);
  logger.info('stopped');
  return 0;
}

function surroundings(logger: Logger): StoreSurroundings {
  return {
    env: process.env,
    warn: (message) => logger.warn('store', { message }),
    onError: (error) => logger.warn('database connection broke', { error }),
  };
}

/** Settles when the database turns out to belong to another installation. */
function refusalOf(started: Promise<void>, logger: Logger): Promise<DatabaseRefused> {
  return new Promise((resolve) => {
    started.catch((error: unknown) => {
      logger.error('start failed', { error });
      if (error instanceof DatabaseRefused) resolve(error);
    });
  });
}

/** The Pod of this process, where its manifest hands both down (POD_NAME, POD_UID). */
function podOf({ POD_NAME: name, POD_UID: uid }: NodeJS.ProcessEnv): OwnerReference | undefined {
  if (name === undefined || uid === undefined) return undefined;
  return { apiVersion: 'v1', kind: 'Pod', name, uid };
}

function connectorOf(system: ExternalSystem): Connector | undefined {
  return connectors.find(({ id }) => id in system.spec.connector);
}

function countRequest(metrics: Metrics, { system, connector, status, durationMs }: RequestObservation): void {
  const [namespace = '', name = ''] = system.split('/');
  const code = status ?? 0;
  metrics.count('extsys_upstream_requests_total', { namespace, system: name, connector, code });
  metrics.observe('extsys_upstream_request_duration_seconds', { connector, code }, durationMs / 1000);
}

function stopSignal(logger: Logger): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      logger.info('stopping', { signal });
      stop.abort();
    });
  }
  return stop.signal;
}

async function aborted(signal: AbortSignal): Promise<undefined> {
  if (!signal.aborted) await once(signal, 'abort');
  return undefined;
}

/** Without doubles. A name that no namespace can have would be watched in vain for ever. */
function namespacesOf(
  flag: '--namespace' | '--lease-namespace',
  names: readonly string[],
): readonly string[] {
  const wrong = names.find((name) => !/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/u.test(name));
  if (wrong === undefined) return [...new Set(names)];
  const several =
    flag === '--namespace' ? '; give the flag once for each, such as --namespace a --namespace b' : '';
  throw new InputError(`${flag} ${wrong}: not a name of a namespace${several}`);
}

/** The uid of a namespace, as every Kubernetes gives it. */
function installationOf(id: string | undefined): string | undefined {
  if (id === undefined || /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u.test(id)) return id;
  throw new InputError(
    `--adopt-database ${id}: not the id of an installation; that is the uid of its namespace kube-system, such as ` +
      '1f6b2c1e-8a34-4d0e-9b57-3c2a6f1d9e80, and stands in the refusal of the database',
  );
}

function parseListen(text: string): { readonly host: string; readonly port: number } {
  const [, host = '', port = ''] = /^(.*):(\d{1,5})$/u.exec(text) ?? [];
  if (port === '' || Number(port) > 65_535)
    throw new InputError(`--listen ${text}: use ADDRESS:PORT, such as :8080`);
  return { host: host === '' ? '::' : host.replaceAll(/[[\]]/gu, ''), port: Number(port) };
}
