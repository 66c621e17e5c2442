// SPDX-License-Identifier: Apache-2.0
import type { ExternalSystem, SyncRun } from '../api/resource.ts';
import type { SyncRunSpec } from '../api/sync-run.ts';
import type { ArchivedRun, OpenRun, RunClaim, Store } from '../store/port.ts';
import { buildRunEnd, seconds, type RunFacts } from '../sync/run-end.ts';
import { correlationIdOf, systemKeyOf } from './keys.ts';
import { missedSlotsOf } from './missed-slots.ts';
import { slotOf, systemUidOf, type Refusal } from './run-refusal.ts';

export interface RunEnderDependencies {
  readonly identity: string;
  readonly store: Store;
  readonly getSystem: (key: string) => ExternalSystem | undefined;
  readonly now: () => Date;
  /** Takes known secrets out of a text. */
  readonly redact: (text: string) => string;
}

/** Ends runs that nobody carries out (any more): their record goes into the archive with what was read of them so far. */
export class RunEnder {
  private readonly deps: RunEnderDependencies;

  constructor(deps: RunEnderDependencies) {
    this.deps = deps;
  }

  /** Without `takesSlot` the slot stays with another run. */
  end(run: SyncRun, ending: Refusal, { takesSlot = true } = {}): Promise<ArchivedRun> {
    const { deps } = this;
    const system = deps.getSystem(systemKeyOf(run));
    const { spec, status, metadata } = run;
    const at = deps.now();
    const claim: RunClaim = {
      system: systemKeyOf(run),
      systemUid: systemUidOf(run, system),
      systemGeneration:
        status?.systemGeneration ?? spec.systemRef.generation ?? system?.metadata.generation ?? 0,
      runUid: metadata.uid,
      runName: metadata.name,
      attempt: status?.attempt ?? 0,
      mode: spec.mode,
      trigger: spec.trigger ?? 'Manual',
      slot: takesSlot ? slotOf(run) : undefined,
      correlationId: correlationIdOf(run),
      worker: status?.worker ?? deps.identity,
      demo: system?.spec.demo ?? false,
      at,
    };
    const startedAt = status?.startTime === undefined ? undefined : new Date(status.startTime);
    return this.archive(claim, spec, startedAt, ending);
  }

  /** Of a run whose object is gone, the database has all that is known. */
  endRow(row: OpenRun, ending: Refusal): Promise<ArchivedRun> {
    const { holdsFence: _, startedAt, ...known } = row;
    const [, name = ''] = row.system.split('/');
    const claim: RunClaim = { ...known, demo: false, at: this.deps.now() };
    const spec: SyncRunSpec = {
      systemRef: { name },
      mode: row.mode,
      trigger: row.trigger,
      ...(row.slot === undefined ? {} : { scheduledTime: seconds(row.slot) }),
      ...(row.correlationId === row.runUid ? {} : { correlationId: row.correlationId }),
    };
    return this.archive(claim, spec, startedAt, ending);
  }

  private async archive(
    claim: RunClaim,
    spec: SyncRunSpec,
    startedAt: Date | undefined,
    { phase, failure }: Refusal,
  ): Promise<ArchivedRun> {
    const { store, redact, getSystem } = this.deps;
    const system = getSystem(claim.system);
    const own = system?.metadata.uid === claim.systemUid ? system : undefined;
    const facts: RunFacts = {
      system: claim.system,
      systemUid: claim.systemUid,
      systemGeneration: claim.systemGeneration,
      run: { name: claim.runName, uid: claim.runUid, spec },
      worker: claim.worker,
      attempt: claim.attempt,
      correlationId: claim.correlationId,
      startedAt,
      missedSlots: own === undefined ? undefined : await missedSlotsOf(store, own, claim.slot),
    };
    const said = { code: failure.code, message: redact(failure.message) };
    return store.finishUnclaimed(claim, (link) => {
      // Only of a run that was begun: its pages are a proof of the connection, and to lose every worker is a failure of ours.
      const verdict = claim.attempt > 0 && (phase === 'Failed' || link.streams.length > 0);
      const ending = { phase, failure: said, stopped: true, reports: [], endedAt: claim.at, verdict };
      return buildRunEnd(facts, ending, link);
    });
  }
}
