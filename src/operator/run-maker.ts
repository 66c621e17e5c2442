// SPDX-License-Identifier: Apache-2.0
import type { ExternalSystem, SyncRun } from '../api/resource.ts';
import { isFinal, type RunMode, type SyncRunSpec } from '../api/sync-run.ts';
import type { ArchivedRun, Store, SystemHistory } from '../store/port.ts';
import { seconds } from '../api/time.ts';
import type { ApprovalState } from '../sync/approval.ts';
import {
  approvalRunName,
  credentialsRunName,
  requestRunName,
  slotRunName,
  specRunName,
} from '../sync/run-names.ts';
import { statusFromArchive } from '../sync/run-record.ts';
import { fullDue, type ResolvedSchedule } from '../sync/schedule.ts';
import { agendaOf, type Agenda } from './agenda.ts';
import type { ClusterPort, SecretContent } from './cluster-port.ts';
import type { CredentialWatch } from './credential-watch.ts';
import { keyOf } from './keys.ts';
import { requestOf } from './run-request.ts';

/** So many runs are looked back for the newest full one. */
const runsLookedAt = 200;

export interface RunMakerDependencies {
  readonly cluster: ClusterPort;
  readonly store: Store;
  readonly credentialWatch: CredentialWatch;
  /** Runs of the system that have not ended. */
  readonly activeRuns: (key: string) => readonly SyncRun[];
  readonly now: () => Date;
  readonly onRunMade: (system: ExternalSystem, run: SyncRun) => void;
}

/** What was made, and what is to come. */
export interface Made {
  /** When the due or the next scheduled run starts. */
  readonly nextStart?: Date | undefined;
  /** Newest slot that got a run. */
  readonly lastSlot?: Date | undefined;
  readonly slotBlocked?: string | undefined;
  readonly handledRequest?: string | undefined;
  /** What is wrong with the request of an annotation. */
  readonly requestProblem?: string | undefined;
  /** The credentials are known to be bad, and are looked at again. */
  readonly looksAtSecret?: boolean;
  /** A run of the system is going on or was just made: its end will be heard of. */
  readonly running?: boolean;
}

/** Makes the runs that are due: a requested one, one for new credentials or a new spec, a slot. Names make sure of at most one each. */
export class RunMaker {
  private readonly deps: RunMakerDependencies;
  private readonly operatorSince: Date;
  /** The generation for which a run was made, by uid of the system: asking again at every look would only be refused. */
  private readonly madeForSpec = new Map<string, number>();

  constructor(deps: RunMakerDependencies) {
    this.deps = deps;
    this.operatorSince = deps.now();
  }

  async makeRuns(
    system: ExternalSystem,
    schedule: ResolvedSchedule,
    history: SystemHistory,
    approval: ApprovalState = { type: 'none' },
  ): Promise<Made> {
    const key = keyOf(system);
    const active = this.deps.activeRuns(key);
    const { operatorSince } = this;
    const agenda = agendaOf({ system, schedule, history, active, now: this.deps.now(), operatorSince });
    const suspended = system.spec.suspend === true;
    const asked = await this.makeRequested(system);
    const approved = !suspended && (await this.makeApproved(system, approval));
    const secret = suspended ? undefined : await this.changedSecret(key, system, agenda);
    const made: Made = {
      nextStart: agenda.nextStart,
      lastSlot: agenda.lastSlot,
      ...asked,
      looksAtSecret: agenda.waitsForPerson && !suspended,
      running: active.length > 0 || asked.running || approved,
    };
    if (suspended || made.running === true) return made;
    const mode = fullDue(schedule, { lastFullAt: history.lastFullAt, now: this.deps.now() })
      ? 'Full'
      : 'Incremental';
    if (secret !== undefined) {
      return { ...made, running: await this.makeForSecret(system, secret, mode) };
    }
    if (agenda.unjudged && (await this.makeForSpec(system, mode))) return { ...made, running: true };
    return agenda.due === undefined ? made : this.makeForSlot(system, agenda.due, agenda, made, mode);
  }

  forget(systemUid: string): void {
    this.madeForSpec.delete(systemUid);
  }

  private async makeRequested(
    system: ExternalSystem,
  ): Promise<Pick<Made, 'handledRequest' | 'requestProblem'> & { readonly running: boolean }> {
    const request = requestOf(system);
    if (request === undefined) return { running: false };
    if (request.type === 'refused') return { requestProblem: request.problem, running: false };
    const { name, uid } = system.metadata;
    const runName = requestRunName(name, uid, request.token);
    // Its object may have been pruned since; the archive still knows it.
    const before = await this.deps.store.archivedRunNamed(keyOf(system), runName);
    if (before !== undefined) return { handledRequest: request.token, running: false };
    // A person who asks means the system as it is when the run starts: no generation is named.
    const systemRef = { name, uid };
    const running = await this.make(system, runName, { systemRef, mode: request.mode, trigger: 'Manual' });
    return { handledRequest: request.token, running };
  }

  /** The full run that an approval waits for. When that one fails, the next full run uses it. */
  private async makeApproved(system: ExternalSystem, approval: ApprovalState): Promise<boolean> {
    if (approval.type !== 'approved') return false;
    const { name, uid } = system.metadata;
    const runName = approvalRunName(name, uid, approval.token);
    // Its object may have been pruned since; the archive still knows it.
    if ((await this.deps.store.archivedRunNamed(keyOf(system), runName)) !== undefined) return false;
    return this.make(system, runName, { systemRef: { name, uid }, mode: 'Full', trigger: 'Manual' });
  }

  private changedSecret(
    key: string,
    system: ExternalSystem,
    agenda: Agenda,
  ): Promise<SecretContent | undefined> | undefined {
    if (agenda.waitsForPerson) return this.deps.credentialWatch.changed(key, system);
    this.deps.credentialWatch.forget(key);
    return undefined;
  }

  private async makeForSecret(
    system: ExternalSystem,
    secret: SecretContent,
    mode: RunMode,
  ): Promise<boolean> {
    const name = credentialsRunName(system.metadata.name, secret.uid, secret.resourceVersion);
    const made = await this.make(system, name, {
      systemRef: pinned(system),
      mode,
      trigger: 'CredentialsChange',
    });
    this.deps.credentialWatch.remember(keyOf(system), secret);
    return made;
  }

  private async makeForSpec(system: ExternalSystem, mode: RunMode): Promise<boolean> {
    const { name, uid, generation } = system.metadata;
    if (this.madeForSpec.get(uid) === generation) return false;
    const full = mode === 'Full' || (await this.deletionsWereWithheld(system));
    const made = await this.make(system, specRunName(name, generation), {
      systemRef: pinned(system),
      mode: full ? 'Full' : mode,
      trigger: 'SpecChange',
    });
    this.madeForSpec.set(uid, generation);
    return made;
  }

  /** Whoever changes the spec then may have raised the budget: only a full run can delete what is gone. */
  private async deletionsWereWithheld(system: ExternalSystem): Promise<boolean> {
    const runs = await this.deps.store.archivedRuns(keyOf(system), runsLookedAt);
    const decided = runs.find(
      (run) => run.failureCode === 'deletionBudget' || (run.mode === 'Full' && hasRead(run)),
    );
    if (decided === undefined) return false;
    const { streams = [] } = statusFromArchive(decided);
    return decided.failureCode === 'deletionBudget' || streams.some(({ withheld = 0 }) => withheld > 0);
  }

  private async makeForSlot(
    system: ExternalSystem,
    slot: Date,
    agenda: Agenda,
    made: Made,
    mode: RunMode,
  ): Promise<Made> {
    const name = slotRunName(system.metadata.name, slot);
    const spec = {
      systemRef: pinned(system),
      mode,
      trigger: 'Schedule',
      scheduledTime: seconds(slot),
    } as const;
    const taken: Made = { ...made, nextStart: agenda.followingStart, lastSlot: slot };
    if (await this.make(system, name, spec)) return { ...taken, running: true };
    const { namespace, uid } = system.metadata;
    const existing = await this.deps.cluster.getRun(namespace, name);
    // It has just gone: the next look makes the run.
    if (existing === undefined) return made;
    // On AlreadyExists: our own scheduled run means the slot is taken; anything else blocks it.
    if (existing.spec.systemRef.uid === uid && existing.spec.trigger === 'Schedule') return taken;
    if (isLeftover(existing, system)) {
      // The garbage collector would take it away too, at some time.
      await this.deps.cluster.deleteRun(namespace, name, existing.metadata.uid);
      return (await this.make(system, name, spec)) ? { ...taken, running: true } : made;
    }
    const slotBlocked = `SyncRun ${name} is not this system's scheduled run but has its name; delete it`;
    return { ...made, slotBlocked };
  }

  private async make(system: ExternalSystem, name: string, spec: SyncRunSpec): Promise<boolean> {
    const { name: owner, namespace, uid } = system.metadata;
    const created = await this.deps.cluster.createRun({ namespace, name, spec, owner: { name: owner, uid } });
    if (created !== undefined) this.deps.onRunMade(system, created);
    return created !== undefined;
  }
}

function pinned(system: ExternalSystem): SyncRunSpec['systemRef'] {
  const { name, uid, generation } = system.metadata;
  return { name, uid, generation };
}

function hasRead(run: ArchivedRun): boolean {
  return run.phase === 'Succeeded' || run.phase === 'PartiallySucceeded';
}

/** A run that has ended and belongs to an object of this name that is gone. */
function isLeftover(run: SyncRun, system: ExternalSystem): boolean {
  const { name, uid } = system.metadata;
  const owner = run.metadata.ownerReferences?.find(({ controller }) => controller === true);
  return isFinal(run.status?.phase) && owner?.name === name && owner.uid !== uid;
}
