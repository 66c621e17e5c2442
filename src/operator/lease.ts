// SPDX-License-Identifier: Apache-2.0
import { isAlreadyExists, isConflict, isNotFound } from './api-error.ts';
import type { KubeClient, Resource } from './kube-client.ts';

export const leaseResource: Resource = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };
export const leaseLabel = 'app.kubernetes.io/managed-by';
export const leaseLabelValue = 'external-system-operator';

export interface Lease {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

export interface LeaseTimes {
  /** Unchanged for so long as an observer sees it, a lease has lapsed. */
  readonly durationMs: number;
  /** A holder that could not renew for so long gives up; well before anybody else takes over. */
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}

export const defaultLeaseTimes: LeaseTimes = { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

export interface LeaseOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** Unique per start of a process, so that a restarted one is somebody else. */
  readonly holder: string;
  readonly times: LeaseTimes;
  readonly now: () => Date;
  readonly monotonicMs: () => number;
  readonly onError: (error: unknown) => void;
}

/** Kubernetes wants six digits of a second. */
export function microTime(time: Date): string {
  return time.toISOString().replace('Z', '000Z');
}

/**
 * What one observer has seen of leases: a lease has lapsed when nothing about it changed for its duration by the observer's own
 * monotonic clock. Wall clocks of two machines are never compared.
 */
export class LeaseObserver {
  private readonly seen = new Map<string, { readonly mark: string; readonly sinceMs: number }>();
  private readonly monotonicMs: () => number;

  constructor(monotonicMs: () => number) {
    this.monotonicMs = monotonicMs;
  }

  /** Notes the state of a lease and answers whether it has lapsed, given its duration. */
  lapsed(lease: Lease, durationMs: number): boolean {
    const { name, resourceVersion } = lease.metadata;
    const { holderIdentity = '', renewTime = '' } = lease.spec;
    if (holderIdentity === '') return true;
    const mark = `${resourceVersion ?? ''} ${holderIdentity} ${renewTime}`;
    const before = this.seen.get(name);
    if (before?.mark !== mark) {
      this.seen.set(name, { mark, sinceMs: this.monotonicMs() });
      return false;
    }
    return this.monotonicMs() - before.sinceMs >= durationMs;
  }

  forget(name: string): void {
    this.seen.delete(name);
  }
}

/**
 * Holds one Lease for as long as it can: takes it when nobody has it or its holder has lapsed, renews it, and gives it up
 * before anybody else may take it. The leader's lease and a replica's own are the same thing.
 */
export class LeaseKeeper {
  private readonly options: LeaseOptions;
  private readonly observer: LeaseObserver;
  private timer: NodeJS.Timeout | undefined;
  private renewedMs: number | undefined;
  private stopped = false;
  private attempt: Promise<void> = Promise.resolve();
  private readonly changed: (held: boolean) => void;

  constructor(options: LeaseOptions, changed: (held: boolean) => void) {
    this.options = options;
    this.observer = new LeaseObserver(options.monotonicMs);
    this.changed = changed;
  }

  /** Judged at the moment of asking: a holder that slept through its deadline does not hold it any more. */
  get held(): boolean {
    const { monotonicMs, times } = this.options;
    return this.renewedMs !== undefined && monotonicMs() - this.renewedMs < times.renewDeadlineMs;
  }

  start(): void {
    this.schedule(0);
  }

  /** Stops renewing and lets go, so that the next holder need not wait. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.attempt;
    if (this.held) await this.release().catch(this.options.onError);
    this.lose();
  }

  private schedule(afterMs: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.attempt = this.tick();
    }, afterMs);
  }

  private async tick(): Promise<void> {
    const { onError, times, monotonicMs } = this.options;
    const startedMs = monotonicMs();
    try {
      // Counted from before the request: the server may have written it right then.
      if (await this.acquireOrRenew()) this.win(startedMs);
      else this.lose();
    } catch (error) {
      if (!isConflict(error) && !isAlreadyExists(error)) onError(error);
    }
    if (this.renewedMs !== undefined && !this.held) this.lose();
    this.schedule(times.retryMs);
  }

  private async acquireOrRenew(): Promise<boolean> {
    const { client, namespace, name, holder, now, times } = this.options;
    const renewTime = microTime(now());
    const at = { resource: leaseResource, namespace } as const;
    const found = await client.send<Lease>({ ...at, verb: 'get', name }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    const mine = {
      holderIdentity: holder,
      leaseDurationSeconds: Math.ceil(times.durationMs / 1000),
      renewTime,
    };
    const head = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };
    if (found === undefined) {
      const metadata = { name, namespace, labels: { [leaseLabel]: leaseLabelValue } };
      await client.send({
        ...at,
        verb: 'create',
        body: { ...head, metadata, spec: { ...mine, acquireTime: renewTime, leaseTransitions: 0 } },
      });
      return true;
    }
    if (found.spec.holderIdentity === holder) {
      await client.send({
        ...at,
        verb: 'update',
        name,
        body: { ...found, spec: { ...found.spec, ...mine } },
      });
      return true;
    }
    const durationMs = (found.spec.leaseDurationSeconds ?? times.durationMs / 1000) * 1000;
    if (!this.observer.lapsed(found, durationMs)) return false;
    const transitions = (found.spec.leaseTransitions ?? 0) + 1;
    const spec = { ...mine, acquireTime: renewTime, leaseTransitions: transitions };
    await client.send({ ...at, verb: 'update', name, body: { ...found, spec } });
    return true;
  }

  private async release(): Promise<void> {
    const { client, namespace, name, holder } = this.options;
    const at = { resource: leaseResource, namespace, name } as const;
    const found = await client.send<Lease>({ ...at, verb: 'get' });
    if (found.spec.holderIdentity !== holder) return;
    await client.send({
      ...at,
      verb: 'update',
      body: { ...found, spec: { ...found.spec, holderIdentity: '', leaseDurationSeconds: 1 } },
    });
  }

  private win(atMs: number): void {
    const before = this.renewedMs !== undefined;
    this.renewedMs = atMs;
    if (!before) this.changed(true);
  }

  private lose(): void {
    if (this.renewedMs === undefined) return;
    this.renewedMs = undefined;
    this.changed(false);
  }
}

/**
 * Watches, by asking, which replicas are alive: each renews a Lease that is named after its identity. One that is not there, or
 * has lapsed, has lost its runs.
 */
export class ReplicaWatch {
  private readonly client: KubeClient;
  private readonly namespace: string;
  private readonly observer: LeaseObserver;
  private readonly verdicts = new Map<string, boolean>();

  constructor(client: KubeClient, namespace: string, monotonicMs: () => number) {
    this.client = client;
    this.namespace = namespace;
    this.observer = new LeaseObserver(monotonicMs);
  }

  /** Whether the replica is known to have lapsed. Ask `look` first, now and then. */
  lapsed(replica: string): boolean {
    return this.verdicts.get(replica) ?? false;
  }

  async look(replica: string): Promise<void> {
    const lease = await this.client
      .send<Lease>({ verb: 'get', resource: leaseResource, namespace: this.namespace, name: replica })
      .catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
    // A replica lets go of its lease when it ends in good order; it is deleted when its Pod is.
    const gone = lease === undefined || lease.spec.holderIdentity !== replica;
    const durationMs = (lease?.spec.leaseDurationSeconds ?? 15) * 1000;
    this.verdicts.set(replica, gone || this.observer.lapsed(lease, durationMs));
  }
}
