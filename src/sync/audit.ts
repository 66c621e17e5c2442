// SPDX-License-Identifier: Apache-2.0
import type { SyncRun } from '../api/resource.ts';
import { isFinal } from '../api/sync-run.ts';
import type { ArchiveReader, StoredAction, StoredRun } from '../store/port/archive.ts';
import { ActionVerifier } from './action-chain.ts';
import { ChainVerifier, type ChainSummary, type Finding, type KeptHead } from './chain.ts';
import { recordOf } from './run-record.ts';

/** A finished run as the cluster has it: no more than it takes to compare it. */
export interface ClusterRun {
  readonly system: string;
  readonly name: string;
  readonly uid: string;
  readonly ended: boolean;
  /** As its status says. */
  readonly digest: string | undefined;
  /** Of its spec and status as they stand. */
  readonly computed: string;
}

/** What the cluster holds; read before the archive, since a run is archived before it ends there. */
export interface ClusterEvidence {
  readonly runs: readonly ClusterRun[];
  /** `status.chainHead` by system. */
  readonly heads: ReadonlyMap<string, KeptHead>;
  /** Whether the runs of a system would be among these. */
  readonly covers: (system: string) => boolean;
  /** The object of a run that differs, to say in what. */
  readonly fetch: (run: ClusterRun) => Promise<SyncRun | undefined>;
}

export interface AuditRequest {
  /** Of the archive; all when undefined. */
  readonly only: ((system: string) => boolean) | undefined;
  readonly kept: ReadonlyMap<string, readonly KeptHead[]>;
  readonly cluster: ClusterEvidence | undefined;
}

export interface AuditedSystem extends ChainSummary {
  readonly system: string;
}

export interface AuditReport {
  readonly systems: readonly AuditedSystem[];
  readonly findings: readonly Finding[];
  /** More than were kept, when there are very many. */
  readonly findingsTotal: number;
  /** What is as it may be, and yet worth knowing. */
  readonly notes: readonly { readonly system: string; readonly message: string }[];
}

/** So many are kept and told; all are counted. */
const maxFindings = 1_000;

/** The cluster's run in the form that is compared. */
export function clusterRunOf({ metadata, spec, status = {} }: SyncRun): ClusterRun {
  const { name, uid, namespace } = metadata;
  const system = `${namespace}/${spec.systemRef.name}`;
  const ended = isFinal(status.phase);
  const phase = isFinal(status.phase) ? status.phase : 'Failed';
  const { digest } = recordOf({ system, run: { name, uid }, spec, status: { ...status, phase } });
  return { system, name, uid, ended, digest: status.digest, computed: digest };
}

/** Verifies the archive, system by system, and the cluster with it. Memory grows with the systems and the cluster's runs, not with the archive. */
export async function audit(archive: ArchiveReader, request: AuditRequest): Promise<AuditReport> {
  const { only = () => true, kept, cluster } = request;
  const findings: Finding[] = [];
  const notes: { system: string; message: string }[] = [];
  let findingsTotal = 0;
  const report = (finding: Finding) => {
    findingsTotal += 1;
    if (findings.length < maxFindings) findings.push(finding);
  };
  const missing = await archive.missingTables();
  for (const table of missing)
    report({
      system: '',
      kind: 'table',
      message: `the table ${table} is missing: nothing else was verified`,
    });
  if (missing.length > 0) return { systems: [], findings, findingsTotal, notes };
  const inCluster = Map.groupBy(cluster?.runs ?? [], ({ system }) => system);
  const known = (await archive.systems()).filter(only);
  const unknown = [...new Set([...kept.keys(), ...(cluster?.heads.keys() ?? []), ...inCluster.keys()])];
  const systems: AuditedSystem[] = [];
  for (const system of new Set([...known, ...unknown.filter(only)].toSorted())) {
    const status = cluster?.heads.get(system);
    const heads = [...(kept.get(system) ?? []), ...(status === undefined ? [] : [status])];
    const seen = await auditSystem(archive, system, heads, inCluster.get(system) ?? []);
    systems.push({ system, ...seen.summary });
    seen.findings.forEach(report);
    notes.push(...seen.notes.map((message) => ({ system, message })));
    for (const [stored, run] of seen.differing) report(await differenceInCluster(cluster, stored, run));
    if (cluster?.covers(system) === true && seen.absent.length > 0)
      notes.push({ system, message: absentWords(seen.absent) });
    inCluster.delete(system);
  }
  for (const { reason, ...run } of await archive.misplaced()) {
    if (only(run.system)) report({ ...run, kind: 'slot', message: reason });
  }
  return { systems, findings, findingsTotal, notes };
}

interface SeenSystem {
  readonly summary: ChainSummary;
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
  readonly differing: readonly (readonly [StoredRun, ClusterRun])[];
  /** Not pruned, and yet not in the cluster. */
  readonly absent: readonly string[];
}

async function auditSystem(
  archive: ArchiveReader,
  system: string,
  heads: readonly KeptHead[],
  clusterRuns: readonly ClusterRun[],
): Promise<SeenSystem> {
  let current: ReturnType<typeof systemPass> | undefined;
  await archive.chain(system, (frame) => {
    current = systemPass(system, frame, heads, clusterRuns);
    return current;
  });
  if (current === undefined) throw new Error(`the archive did not begin with ${system}`);
  return current.end();
}

function systemPass(
  system: string,
  frame: ConstructorParameters<typeof ChainVerifier>[1],
  heads: readonly KeptHead[],
  clusterRuns: readonly ClusterRun[],
) {
  const findings: Finding[] = [];
  const report = (finding: Finding) => void findings.push(finding);
  const verifier = new ChainVerifier(system, frame, heads, report);
  const actions = new ActionVerifier(system, frame.recoveries, report);
  const waiting = new Map(clusterRuns.map((run) => [run.uid, run]));
  const differing: [StoredRun, ClusterRun][] = [];
  const absent: string[] = [];
  return {
    waits: () => actions.waits(),
    action: (action: StoredAction) => actions.visitAction(action),
    run: (stored: StoredRun) => {
      verifier.visit(stored);
      actions.visitRun(stored);
      const run = waiting.get(stored.runUid);
      waiting.delete(stored.runUid);
      // A run of the CLI never had an object.
      if (run === undefined && !stored.pruned && !(stored.worker ?? '').startsWith('cli-'))
        absent.push(stored.runName);
      if (run?.ended === true && (run.digest !== stored.digest || run.computed !== stored.digest))
        differing.push([stored, run]);
    },
    end: (): SeenSystem => {
      for (const { ended, name, uid } of waiting.values()) {
        if (ended)
          report({
            ...{ system, kind: 'cluster', runName: name, runUid: uid },
            message: 'this SyncRun has ended, and yet the archive has no run of its uid',
          });
      }
      const summary = verifier.end();
      const lost = summary.lost.map(
        (which) => `${which}: lost with a restored backup; no one can prove any more what stood there`,
      );
      const notes = [...lost, ...actions.end()];
      return { summary, findings, notes, differing, absent };
    },
  };
}

async function differenceInCluster(
  cluster: ClusterEvidence | undefined,
  stored: StoredRun,
  run: ClusterRun,
): Promise<Finding> {
  const { system, sequence, runName, runUid, digest = '' } = stored;
  const object = await cluster?.fetch(run);
  const paths = object === undefined ? [] : differingPaths(recordIn(object), parsedOr(stored.json));
  const where = paths.length === 0 ? '' : `; they differ in ${paths.join(', ')}`;
  const said =
    run.digest === digest
      ? `its digest, but spec and status have ${run.computed}`
      : `digest ${run.digest ?? 'none'}`;
  const message = `the SyncRun in the cluster has ${said}; the archive has ${digest}${where}`;
  return { system, kind: 'cluster', sequence, runName, runUid, message };
}

function recordIn({ metadata, spec, status = {} }: SyncRun): unknown {
  const { digest: _, ...sealed } = status;
  const { name, uid, namespace } = metadata;
  return { system: `${namespace}/${spec.systemRef.name}`, run: { name, uid }, spec, status: sealed };
}

function parsedOr(json: string | undefined): unknown {
  try {
    return JSON.parse(json ?? '');
  } catch {
    // That it is none is a finding of its own.
    return undefined;
  }
}

/** At most ten places where two JSON values differ. */
function differingPaths(one: unknown, other: unknown, path = ''): string[] {
  if (!isObject(one) || !isObject(other))
    return JSON.stringify(one) === JSON.stringify(other) ? [] : [path === '' ? 'everything' : path];
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys]
    .flatMap((name) => differingPaths(one[name], other[name], path === '' ? name : `${path}.${name}`))
    .slice(0, 10);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function absentWords(names: readonly string[]): string {
  const some = names.slice(-5).join(', ');
  const more = names.length > 5 ? ` and ${names.length - 5} older` : '';
  return `${names.length} archived and unpruned runs do not stand in the cluster, most likely deleted by a person or with their system: ${some}${more}`;
}
