// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ApiError } from '../../src/operator/api-error.ts';
import type { KubeClient, KubeRequest } from '../../src/operator/kube-client.ts';
import { LeaseKeeper, LeaseObserver, ReplicaWatch, type Lease } from '../../src/operator/lease.ts';

const times = { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** Leases as the API server keeps them: versions, conflicts; and, on demand, nobody home. */
class LeaseServer {
  readonly leases = new Map<string, Lease>();
  readonly verbs: string[] = [];
  away = false;
  private version = 0;

  readonly client = { send: (request: KubeRequest) => this.send(request) } as unknown as KubeClient;

  private async send(request: KubeRequest): Promise<unknown> {
    this.verbs.push(request.verb);
    if (this.away) throw new Error('nobody home');
    const body = request.body as Lease & { preconditions?: { resourceVersion?: string } };
    const name = request.name ?? body.metadata.name;
    const found = this.leases.get(name);
    switch (request.verb) {
      case 'create':
        if (found !== undefined) throw refusal(409, 'AlreadyExists');
        return this.store(name, body);
      case 'update':
        if (found === undefined) throw refusal(404, 'NotFound');
        if (body.metadata.resourceVersion !== found.metadata.resourceVersion) throw refusal(409, 'Conflict');
        return this.store(name, body);
      case 'delete':
        this.leases.delete(name);
        return {};
      default:
        if (found === undefined) throw refusal(404, 'NotFound');
        return structuredClone(found);
    }
  }

  private store(name: string, lease: Lease): Lease {
    this.version += 1;
    const stored = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(this.version) } };
    this.leases.set(name, stored);
    return structuredClone(stored);
  }
}

function refusal(code: number, reason: string): ApiError {
  return ApiError.fromAnswer(code, JSON.stringify({ kind: 'Status', reason, message: reason, code }), {});
}

/** A replica whose wall clock may be wrong by hours: only its monotonic clock counts. */
function keeper(server: LeaseServer, holder: string, given: { wallSkewMs?: number; atEnd?: 'delete' } = {}) {
  const changes: boolean[] = [];
  const errors: unknown[] = [];
  const made = new LeaseKeeper(
    {
      client: server.client,
      namespace: 'extsys',
      name: 'leader',
      holder,
      times,
      now: () => new Date(Date.now() + (given.wallSkewMs ?? 0)),
      monotonicMs: () => performance.now(),
      onError: (error) => errors.push(error),
      ...(given.atEnd === undefined ? {} : { atEnd: given.atEnd }),
    },
    (held) => changes.push(held),
  );
  return { made, changes, errors };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('a Lease', () => {
  test('is held by one, though clocks differ by hours, and passes on when its holder is silent for its duration', async () => {
    const server = new LeaseServer();
    const one = keeper(server, 'one', { wallSkewMs: -7_200_000 });
    const other = keeper(server, 'other', { wallSkewMs: 3_600_000 });
    one.made.start();
    await pass(100);
    other.made.start();
    await pass(60_000);
    expect([one.made.held, other.made.held]).toEqual([true, false]);
    // The first process is frozen: it neither renews nor lets go.
    vi.spyOn(one.made as unknown as { tick: () => Promise<void> }, 'tick').mockResolvedValue();
    await pass(13_000);
    expect(other.made.held).toBe(false);
    await pass(6_000);
    expect([one.made.held, other.made.held]).toEqual([false, true]);
    expect(server.leases.get('leader')?.spec).toMatchObject({ holderIdentity: 'other', leaseTransitions: 1 });
    await other.made.stop();
  });

  test('costs one request per renewal while nobody else writes', async () => {
    const server = new LeaseServer();
    const { made } = keeper(server, 'one');
    made.start();
    await pass(100);
    server.verbs.length = 0;
    await pass(10_000);
    expect(server.verbs).toEqual(Array.from({ length: 5 }, () => 'update'));
    await made.stop();
  });

  test('is given up at the deadline when the server is away, before anybody else may take it', async () => {
    const server = new LeaseServer();
    const { made, changes, errors } = keeper(server, 'one');
    made.start();
    await pass(100);
    server.away = true;
    await pass(times.renewDeadlineMs - 100);
    expect(made.held).toBe(false);
    expect(changes).toEqual([true, false]);
    expect(errors).not.toEqual([]);
    // It still tries: whoever watches over this process has no reason to end it.
    expect(made.idleForMs).toBeLessThanOrEqual(times.retryMs);
    server.away = false;
    await pass(times.retryMs);
    expect(made.held).toBe(true);
    await made.stop();
  });

  test('that is not tried any more shows as idle', async () => {
    const server = new LeaseServer();
    const { made } = keeper(server, 'one');
    made.start();
    await pass(100);
    vi.spyOn(made as unknown as { tick: () => Promise<void> }, 'tick').mockResolvedValue();
    await pass(90_000);
    expect(made.idleForMs).toBeGreaterThan(80_000);
    await made.stop();
  });

  test('that another has taken is lost at once', async () => {
    const server = new LeaseServer();
    const { made, changes } = keeper(server, 'one');
    made.start();
    await pass(100);
    const lease = server.leases.get('leader');
    if (lease === undefined) throw new Error('there is no Lease');
    server.leases.set('leader', {
      metadata: { ...lease.metadata, resourceVersion: '999' },
      spec: { ...lease.spec, holderIdentity: 'thief' },
    });
    await pass(2 * times.retryMs);
    expect(made.held).toBe(false);
    expect(changes).toEqual([true, false]);
    await made.stop();
  });

  test('is let go at the end, so that the next holder need not wait', async () => {
    const server = new LeaseServer();
    const one = keeper(server, 'one');
    one.made.start();
    await pass(100);
    await one.made.stop();
    expect(one.changes).toEqual([true, false]);
    const other = keeper(server, 'other');
    other.made.start();
    await pass(100);
    expect(other.made.held).toBe(true);
    await other.made.stop();
  });

  test('of a replica is deleted at the end', async () => {
    const server = new LeaseServer();
    const { made } = keeper(server, 'one', { atEnd: 'delete' });
    made.start();
    await pass(100);
    expect(server.leases.size).toBe(1);
    await made.stop();
    expect(server.leases.size).toBe(0);
  });
});

describe('whether a Lease has lapsed', () => {
  const lease = (renewTime: string, holderIdentity = 'one'): Lease => ({
    metadata: { name: 'leader', namespace: 'extsys' },
    spec: { holderIdentity, renewTime },
  });

  test('is judged by how long it did not change, never by the time that stands in it', () => {
    let nowMs = 0;
    const observer = new LeaseObserver(() => nowMs);
    expect(observer.lapsed(lease('1970-01-01T00:00:00Z'), 15_000)).toBe(false);
    nowMs = 14_999;
    expect(observer.lapsed(lease('1970-01-01T00:00:00Z'), 15_000)).toBe(false);
    nowMs = 15_000;
    expect(observer.lapsed(lease('1970-01-01T00:00:00Z'), 15_000)).toBe(true);
    expect(observer.lapsed(lease('2999-01-01T00:00:00Z'), 15_000)).toBe(false);
    expect(observer.lapsed(lease('', ''), 15_000)).toBe(true);
  });

  test('of a replica: gone, let go, or silent', async () => {
    const server = new LeaseServer();
    const replicas = new ReplicaWatch(server.client, 'extsys', () => performance.now());
    await replicas.look('leader');
    expect(replicas.lapsed('leader')).toBe(true);
    const live = keeper(server, 'leader');
    live.made.start();
    await pass(100);
    await replicas.look('leader');
    expect(replicas.lapsed('leader')).toBe(false);
    expect(replicas.lapsed('never-looked-at')).toBe(false);
    await live.made.stop();
    await replicas.look('leader');
    expect(replicas.lapsed('leader')).toBe(true);
  });
});
