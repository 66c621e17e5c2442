// SPDX-License-Identifier: Apache-2.0
import type { ExternalSystem, SyncRun } from '../api/resource.ts';
import type { Check } from '../api/sync-run.ts';
import { Failure } from '../connector/failure.ts';
import type { ArchivedRun } from '../store/port.ts';
import type { Progress, SyncRequest } from '../sync/engine.ts';
import { statusFromArchive } from '../sync/run-record.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ClusterPort, SecretContent } from './cluster-port.ts';
import type { CredentialWatch } from './credential-watch.ts';
import { waitsForPerson } from './failure-backoff.ts';
import { correlationIdOf, keyOf } from './keys.ts';

/** What the wiring needs to carry out one run; it knows connectors and upstreams. */
export interface RunInput {
  readonly request: SyncRequest;
  readonly system: ExternalSystem;
  readonly signal: AbortSignal;
  readonly readSecret: () => Promise<Readonly<Record<string, string>> | undefined>;
  readonly onConnected: () => void;
  readonly onProgress: (progress: Progress) => void;
  /** In mode Test: what was found, as soon as it is. */
  readonly onCheck: (check: Check) => void;
  /** What went wrong, with its cause, before only its code and message go on. */
  readonly onFailure: (failure: Failure) => void;
}

export interface RunCarrierDependencies {
  readonly cluster: Pick<ClusterPort, 'getSecret'>;
  readonly credentialWatch: CredentialWatch;
  readonly logger: Logger;
  readonly sync: (input: RunInput) => Promise<ArchivedRun>;
  /** The run in hand has proven the connection: the conditions may say so before it ends. */
  readonly onConnected: (systemKey: string) => void;
}

/** Carries one run through the engine: its Secret, its log, and what it has proven so far. */
export class RunCarrier {
  private readonly deps: RunCarrierDependencies;
  /** Generation whose connection the run in hand has proven, by system. */
  private readonly connected = new Map<string, number>();

  constructor(deps: RunCarrierDependencies) {
    this.deps = deps;
  }

  /** Whether the run in hand has proven the connection of this generation. */
  connectedNow(systemKey: string, generation: number): boolean {
    return this.connected.get(systemKey) === generation;
  }

  forget(systemKey: string): void {
    this.connected.delete(systemKey);
  }

  async carry(
    request: SyncRequest,
    system: ExternalSystem,
    run: SyncRun,
    signal: AbortSignal,
    onProgress: (progress: Progress) => void,
  ): Promise<ArchivedRun> {
    const key = keyOf(system);
    const log = this.deps.logger.with(runFacts(run, key));
    let read: SecretContent | undefined;
    try {
      const archived = await this.deps.sync({
        request,
        system,
        signal,
        readSecret: async () => (read = await this.readSecret(system))?.data,
        onConnected: () => {
          this.connected.set(key, request.system.generation);
          this.deps.onConnected(key);
        },
        onProgress: (progress) => {
          log.debug('stream progress', { ...progress });
          onProgress(progress);
        },
        onCheck: (check) => log.info('checked', { ...check }),
        onFailure: (failure) => {
          // Of a bug of ours the stack tells where; all else is told by its message, which is in the record.
          if (failure.code === 'internal') log.error('internal failure', { error: failure.cause ?? failure });
        },
      });
      // What a failed run has just tried is what a change is judged against.
      if (waitsForPerson(statusFromArchive(archived).failure?.code))
        this.deps.credentialWatch.remember(key, read);
      return archived;
    } finally {
      this.connected.delete(key);
    }
  }

  private async readSecret(system: ExternalSystem): Promise<SecretContent | undefined> {
    const { namespace } = system.metadata;
    try {
      return await this.deps.cluster.getSecret(namespace, system.spec.auth.secretRef?.name ?? '');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Failure('internal', `the Secret could not be read: ${reason}`, { cause: error });
    }
  }
}

/** What every line about a run carries. */
export function runFacts(run: SyncRun, systemKey: string) {
  return { correlationId: correlationIdOf(run), system: systemKey, run: run.metadata.name };
}
