// SPDX-License-Identifier: Apache-2.0
import { apiVersion, externalSystemKind, syncRunKind } from '../../src/api/group.ts';
import type { ExternalSystem, ObjectMeta, SyncRun } from '../../src/api/resource.ts';
import { isFinal } from '../../src/api/sync-run.ts';
import { ApiError } from '../../src/operator/api-error.ts';
import type { ClusterPort, SecretContent } from '../../src/operator/cluster-port.ts';
import { keyOf, systemKeyOf } from '../../src/operator/keys.ts';
import { seconds } from '../../src/api/time.ts';

type Request = Exclude<keyof ClusterPort, 'getRun' | 'hasSystem' | 'runsOf' | 'getSecret'>;

/** Objects as an API server keeps them: versions, conflicts, names that are taken; and errors on demand. */
export class FakeCluster implements ClusterPort {
  readonly systems = new Map<string, ExternalSystem>();
  readonly runs = new Map<string, SyncRun>();
  readonly secrets = new Map<string, SecretContent>();
  /** Writes that were done. */
  readonly writes: Record<Request, number> = {
    createRun: 0,
    updateRunStatus: 0,
    deleteRun: 0,
    updateSystemStatus: 0,
  };
  /** The next request of this kind fails so. */
  readonly fails = new Map<Request, Error>();
  private readonly now: () => Date;
  private version = 0;

  constructor(now: () => Date) {
    this.now = now;
  }

  meta(name: string, uid: string, rest: Partial<ObjectMeta> = {}): ObjectMeta {
    return {
      name,
      namespace: 'ns',
      uid,
      generation: 1,
      resourceVersion: this.next(),
      creationTimestamp: seconds(this.now()),
      ...rest,
    };
  }

  next(): string {
    this.version += 1;
    return String(this.version);
  }

  /** Runs of a system that have not ended: what the cache of the operator has. */
  active(systemKey: string): SyncRun[] {
    return [...this.runs.values()].filter(
      (run) => systemKeyOf(run) === systemKey && !isFinal(run.status?.phase),
    );
  }

  /** The run as the operator's cache has it: one that has ended has left it. */
  cached(key: string): SyncRun | undefined {
    const run = this.runs.get(key);
    return run === undefined || isFinal(run.status?.phase) ? undefined : run;
  }

  put(run: SyncRun): SyncRun {
    this.runs.set(keyOf(run), run);
    return run;
  }

  async createRun({ namespace, name, spec, owner }: Parameters<ClusterPort['createRun']>[0]) {
    this.begin('createRun');
    if (this.runs.has(`${namespace}/${name}`)) return undefined;
    this.writes.createRun += 1;
    const ownerReferences =
      owner === undefined ? [] : [{ apiVersion, kind: externalSystemKind, controller: true, ...owner }];
    return this.put({
      apiVersion,
      kind: syncRunKind,
      metadata: this.meta(name, `uid-of-${name}-${this.next()}`, { ownerReferences }),
      spec,
    });
  }

  async getRun(namespace: string, name: string) {
    return this.runs.get(`${namespace}/${name}`);
  }

  async hasSystem(namespace: string, name: string) {
    return this.systems.has(`${namespace}/${name}`);
  }

  async runsOf(namespace: string, systemName: string) {
    const key = `${namespace}/${systemName}`;
    return [...this.runs.values()].filter((run) => systemKeyOf(run) === key);
  }

  async updateRunStatus(run: SyncRun, status: NonNullable<SyncRun['status']>) {
    this.begin('updateRunStatus');
    const written = this.updated(this.runs.get(keyOf(run)), run, { status });
    this.writes.updateRunStatus += 1;
    return this.put(written);
  }

  async deleteRun(namespace: string, name: string, uid: string) {
    this.begin('deleteRun');
    const key = `${namespace}/${name}`;
    if (this.runs.get(key)?.metadata.uid !== uid) return;
    this.writes.deleteRun += 1;
    this.runs.delete(key);
  }

  async updateSystemStatus(system: ExternalSystem, status: NonNullable<ExternalSystem['status']>) {
    this.begin('updateSystemStatus');
    const written = this.updated(this.systems.get(keyOf(system)), system, { status });
    this.writes.updateSystemStatus += 1;
    this.systems.set(keyOf(system), written);
    return written;
  }

  async getSecret(namespace: string, name: string) {
    return this.secrets.get(`${namespace}/${name}`);
  }

  private begin(request: Request): void {
    const error = this.fails.get(request);
    this.fails.delete(request);
    if (error !== undefined) throw error;
  }

  private updated<Kind extends ExternalSystem | SyncRun>(
    found: Kind | undefined,
    base: Kind,
    change: Partial<Kind>,
  ): Kind {
    if (found?.metadata.uid !== base.metadata.uid) throw new ApiError(404, 'NotFound', base.metadata.name);
    if (found.metadata.resourceVersion !== base.metadata.resourceVersion)
      throw new ApiError(409, 'Conflict', base.metadata.name);
    return { ...found, ...change, metadata: { ...found.metadata, resourceVersion: this.next() } };
  }
}
