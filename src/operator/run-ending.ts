// SPDX-License-Identifier: Apache-2.0
import type { ExternalSystem, SyncRun } from '../api/resource.ts';
import type { ArchivedRun, OpenRun, RunClaim, Store } from '../store/port.ts';
import { endUnclaimed, unclaimedOf, type UnclaimedRun } from '../sync/unclaimed-end.ts';
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
    return this.archive({ claim, spec, startedAt }, ending);
  }

  /** Of a run whose object is gone, the database has all that is known. */
  endRow(row: OpenRun, ending: Refusal): Promise<ArchivedRun> {
    return this.archive(unclaimedOf(row, this.deps.now()), ending);
  }

  private async archive(run: UnclaimedRun, { phase, failure }: Refusal): Promise<ArchivedRun> {
    const { store, redact, getSystem } = this.deps;
    const { claim } = run;
    const system = getSystem(claim.system);
    const own = system?.metadata.uid === claim.systemUid ? system : undefined;
    const missedSlots = own === undefined ? undefined : await missedSlotsOf(store, own, claim.slot);
    const said = { code: failure.code, message: redact(failure.message) };
    return endUnclaimed(store, { ...run, missedSlots }, { phase, failure: said });
  }
}
