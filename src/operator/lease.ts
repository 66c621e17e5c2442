// SPDX-License-Identifier: Apache-2.0
import type { OwnerReference } from '../api/resource.ts';
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
    readonly ownerReferences?: readonly OwnerReference[];
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

const defaultTimes: LeaseTimes = { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

export interface LeaseOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** Unique per start of a process, so that a restarted one is somebody else. */
  readonly holder: string;
  /** Whose end is the Lease's end: the Pod of a replica. Only for a Lease that nobody else takes. */
  readonly owner?: OwnerReference;
  /** What `stop` does: let go of it for the next holder (default), or delete it, where there will be none. */
  readonly atEnd?: 'release' | 'delete';
  readonly times?: LeaseTimes;
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
}

/**
 * Holds one Lease for as long as it can: takes it when nobody has it or its holder has lapsed, renews it, and gives it up
 * before anybody else may take it. The leader's lease and a replica's own are the same thing.
 */
export class LeaseKeeper {
  private readonly options: LeaseOptions & { readonly times: LeaseTimes };
  private readonly observer: LeaseObserver;
  private timer: NodeJS.Timeout | undefined;
  private deadline: NodeJS.Timeout | undefined;
  private renewedMs: number | undefined;
  /** When it was last tried; for those who watch over this process. */
  private triedMs: number;
  private stopped = false;
  /** The Lease as this holder last wrote it. */
  private written: Lease | undefined;
  private attempt: Promise<void> = Promise.resolve();
  private readonly changed: (held: boolean) => void;

  constructor(options: LeaseOptions, changed: (held: boolean) => void) {
    this.options = { ...options, times: options.times ?? defaultTimes };
    this.observer = new LeaseObserver(options.monotonicMs);
    this.changed = changed;
    this.triedMs = options.monotonicMs();
  }

  /** Time since it was last tried, with or without success: it grows when the keeper itself stands still. */
  get idleForMs(): number {
    return this.options.monotonicMs() - this.triedMs;
  }

  /** Judged at the moment of asking: a holder that slept through its deadline does not hold it any more. */
  get held(): boolean {
    const { monotonicMs, times } = this.options;
    return this.renewedMs !== undefined && monotonicMs() - this.renewedMs < times.renewDeadlineMs;
  }

  start(): void {
    this.triedMs = this.options.monotonicMs();
    this.schedule(0);
  }

  /** Stops renewing, tells that it is no longer held, and then lets go, so that the next holder need not wait. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.attempt;
    const { held } = this;
    this.lose();
    if (held) await this.letGo().catch(this.options.onError);
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
    this.triedMs = startedMs;
    try {
      this.written = await this.acquireOrRenew(this.written);
      // Counted from before the request: the server may have written it right then.
      if (this.written === undefined) this.lose();
      else this.win(startedMs);
    } catch (error) {
      // What the server has now is not known: it is read again.
      this.written = undefined;
      if (!isConflict(error) && !isAlreadyExists(error)) onError(error);
    }
    this.schedule(times.retryMs);
  }

  /** A dead connection must leave time for a second try on a new one before the deadline. */
  private signal(): AbortSignal {
    return AbortSignal.timeout(this.options.times.renewDeadlineMs / 2);
  }

  /**
   * Renewing costs one request while the Lease is as this holder wrote it; the resource version refuses a write over another's.
   * Answers the Lease as written, or undefined when another holds it.
   */
  private async acquireOrRenew(written: Lease | undefined): Promise<Lease | undefined> {
    const { client, namespace, name, holder, times } = this.options;
    const found = written ?? (await this.read());
    if (found === undefined) return this.create();
    const at = { resource: leaseResource, namespace, name, retries: 0, signal: this.signal() } as const;
    const mine = this.spec();
    if (found.spec.holderIdentity === holder) {
      return client.send<Lease>({
        ...at,
        verb: 'update',
        body: { ...found, spec: { ...found.spec, ...mine } },
      });
    }
    const durationMs = (found.spec.leaseDurationSeconds ?? times.durationMs / 1000) * 1000;
    if (!this.observer.lapsed(found, durationMs)) return undefined;
    const leaseTransitions = (found.spec.leaseTransitions ?? 0) + 1;
    const spec = { ...mine, acquireTime: mine.renewTime, leaseTransitions };
    return client.send<Lease>({ ...at, verb: 'update', body: { ...found, spec } });
  }

  private async read(): Promise<Lease | undefined> {
    const { client, namespace, name } = this.options;
    const at = { resource: leaseResource, namespace, name, retries: 0, signal: this.signal() } as const;
    try {
      return await client.send<Lease>({ ...at, verb: 'get' });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  private create(): Promise<Lease> {
    const { client, namespace, name, owner } = this.options;
    const labels = { [leaseLabel]: leaseLabelValue };
    const metadata = {
      name,
      namespace,
      labels,
      ...(owner === undefined ? {} : { ownerReferences: [owner] }),
    };
    const mine = this.spec();
    const spec = { ...mine, acquireTime: mine.renewTime, leaseTransitions: 0 };
    const at = { resource: leaseResource, namespace, retries: 0, signal: this.signal() } as const;
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
    return client.send<Lease>({ ...at, verb: 'create', body });
  }

  private spec() {
    const { holder, now, times } = this.options;
    const leaseDurationSeconds = Math.ceil(times.durationMs / 1000);
    return { holderIdentity: holder, leaseDurationSeconds, renewTime: microTime(now()) };
  }

  private async letGo(): Promise<void> {
    const { client, namespace, name, holder, atEnd = 'release' } = this.options;
    const found = await this.read();
    if (found?.spec.holderIdentity !== holder) return;
    const at = { resource: leaseResource, namespace, name, retries: 0, signal: this.signal() } as const;
    if (atEnd === 'release') {
      const spec = { ...found.spec, holderIdentity: '', leaseDurationSeconds: 1 };
      await client.send({ ...at, verb: 'update', body: { ...found, spec } });
      return;
    }
    const { uid, resourceVersion } = found.metadata;
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, resourceVersion } };
    await client.send({ ...at, verb: 'delete', body });
  }

  private win(atMs: number): void {
    const { monotonicMs, times } = this.options;
    const leftMs = atMs + times.renewDeadlineMs - monotonicMs();
    // The answer came too late: others may hold it to have lapsed already.
    if (leftMs <= 0) return this.lose();
    const before = this.renewedMs !== undefined;
    this.renewedMs = atMs;
    // Whoever only listens must hear of the deadline when it passes, not when a request that hangs comes back.
    clearTimeout(this.deadline);
    this.deadline = setTimeout(() => this.lose(), leftMs);
    if (!before) this.changed(true);
  }

  private lose(): void {
    clearTimeout(this.deadline);
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
