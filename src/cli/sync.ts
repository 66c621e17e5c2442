// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { connectors } from '../../connectors/index.ts';
import { annotations } from '../api/group.ts';
import type { ExternalSystem, SyncRun } from '../api/resource.ts';
import { approvalToken, deletionApproval, waitingProposal } from '../sync/approval.ts';
import type { Store, SystemHistory } from '../store/port.ts';
import { changesInventory, runModes, type Check, type RunMode } from '../api/sync-run.ts';
import { problemsOf } from './known.ts';
import { RunStop } from '../sync/control.ts';
import { endTakenFileRuns } from '../sync/unclaimed-end.ts';
import type { Progress } from '../sync/engine.ts';
import type { Streams } from './command.ts';
import { localSystem } from './local-system.ts';
import { runLocal } from './local-run.ts';
import { fileOption, InputError, oneFile, readManifests } from './manifests.ts';
import { outputFormOf, outputOption, renderRun, type OutputForm } from './output.ts';
import { planSummary } from './plan.ts';
import { createRuntime } from './runtime.ts';
import {
  oneStore,
  openStore,
  storeOptions,
  storeUsage,
  withoutPassword,
  type StoreFlags,
} from './store-url.ts';
import { version } from './version.ts';

export const syncUsage = `extsys sync -f FILE [--store URL] [--mode Incremental|Full|Plan|Test] [--output json|yaml|table]

Runs one sync from a file with an ExternalSystem and its Secret, without any cluster, and prints the SyncRun.

  -f, --file FILE                 multi-document YAML; - reads standard input
${storeUsage}
      --mode MODE                 Incremental (default), Full, Plan or Test
  -o, --output FORM               json, yaml or table (default table)
      --allow-insecure-upstreams  also send credentials over plain http: or ldap: to other hosts than this one
  -q, --quiet                     no progress on standard error

Exit status: 0 Succeeded, 1 any other outcome, 2 unusable input.
`;

/** `extsys sync`. Answers the exit status. */
export async function syncCommand(args: readonly string[], streams: Streams): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      file: fileOption,
      ...storeOptions,
      mode: { type: 'string', default: 'Incremental' },
      output: outputOption,
      'allow-insecure-upstreams': { type: 'boolean', default: false },
      quiet: { type: 'boolean', short: 'q', default: false },
    },
  });
  const mode = oneOf('--mode', values.mode, runModes);
  const form = outputFormOf(values.output);
  return runFromFile({
    file: oneFile(values.file),
    store: values,
    mode,
    form,
    allowHttp: values['allow-insecure-upstreams'],
    quiet: values.quiet,
    streams,
  });
}

export interface FileRun {
  readonly file: string;
  readonly store: StoreFlags;
  readonly mode: RunMode;
  readonly form: OutputForm;
  readonly allowHttp: boolean;
  readonly quiet: boolean;
  readonly streams: Streams;
}

/** One run from a file, from reading it to printing the outcome. */
export async function runFromFile(options: FileRun): Promise<number> {
  const { streams } = options;
  const manifests = await readManifests(options.file, streams.stdin);
  const local = localSystem(manifests, problemsOf);
  const connector = connectors.find(({ id }) => id in local.system.spec.connector);
  if (connector === undefined) throw new InputError('spec.connector names no known connector');
  const runtime = createRuntime({
    version,
    addresses: {
      allowHttp: options.allowHttp,
      allowLoopback: true,
      remedy: 'use TLS, or allow it with --allow-insecure-upstreams',
    },
    onRequest: () => undefined,
  });
  const store = await openStore(options.store, {
    env: process.env,
    warn: (line) => streams.stderr.write(`warning: ${line}\n`),
  });
  const stop = new AbortController();
  const interrupt = () => stop.abort(new RunStop('cancelled', 'interrupted from the terminal'));
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    const say = (line: string) => void streams.stderr.write(`${line}\n`);
    const tell = options.quiet ? () => undefined : say;
    const key = `${local.system.metadata.namespace}/${local.system.metadata.name}`;
    const mode = await modeOf(options.mode, local.system, store, runtime.now(), say);
    tell(`${mode} run of ${key}${await whatIsFull(store, key, mode)}`);
    const run = await runLocal(
      {
        local,
        connector,
        store,
        mode,
        signal: stop.signal,
        onProgress: progressPrinter(tell),
        onCheck: (check) => tell(checkLine(check)),
      },
      runtime,
    );
    streams.stdout.write(renderRun(run, options.form, proposalOf(run, options.store)));
    if (options.mode === 'Plan' && options.form === 'table')
      streams.stdout.write(await planSummary(store, run.metadata.uid));
    for (const { runName, phase } of await endTakenFileRuns(store, key, runtime.now()))
      say(`${runName}, which another run had overtaken, was ended as ${phase}`);
    if (changesInventory(mode)) {
      const history = await store.history(key, run.status?.systemUid ?? '');
      if (mode === 'Incremental') tellWithheld(run, history, runtime.now(), say);
      tellSetAside(run, history, options.store, say);
    }
    return run.status?.phase === 'Succeeded' ? 0 : 1;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    await store.close();
  }
}

/** What of the run waits for a person, and how it is approved where there is no cluster. Nothing where nothing waits. */
function proposalOf({ metadata, spec, status }: SyncRun, flags: StoreFlags): string {
  const proposal = status?.deletionProposal;
  if (proposal === undefined) return '';
  const token = approvalToken({ runName: metadata.name, digest: proposal.digest });
  return [
    '',
    `records that look gone and wait for approval to be deleted: ${proposal.records}`,
    `the list: extsys approve ${spec.systemRef.name} -n ${metadata.namespace} --list --store '${withoutPassword(oneStore(flags))}'`,
    'to approve it, sync the file again with this annotation of the ExternalSystem within seven days:',
    `  ${annotations.approveDeletions}: ${token}`,
    '',
  ].join('\n');
}

/** An approval of deletions needs a full run, and gets one; an approval that says nothing is told of. */
async function modeOf(
  asked: RunMode,
  system: ExternalSystem,
  store: Store,
  now: Date,
  say: (line: string) => void,
): Promise<RunMode> {
  if (asked !== 'Incremental' && asked !== 'Full') return asked;
  const key = `${system.metadata.namespace}/${system.metadata.name}`;
  const annotation = system.metadata.annotations?.[annotations.approveDeletions];
  const { state } = await deletionApproval(store, key, annotation, await store.openProposal(key), now);
  if (state.type === 'refused') say(`warning: ${state.message}`);
  if (state.type !== 'approved' || asked === 'Full') return asked;
  say('deletions are approved: everything is read');
  return 'Full';
}

/** What an incremental run is about to read in full all the same. */
async function whatIsFull(store: Store, key: string, mode: RunMode): Promise<string> {
  if (mode !== 'Incremental' || (await store.history(key, '')).lastFullAt !== undefined) return '';
  return ': what was never read to its end is read in full';
}

/** An incremental run cannot tell whether what an earlier full one withheld is gone still; and no other run follows by itself here. */
function tellWithheld(
  run: SyncRun,
  { withheld, proposal }: SystemHistory,
  now: Date,
  say: (line: string) => void,
): void {
  // The failure of the run says it.
  if (run.status?.failure?.code === 'deletionBudget') return;
  if (withheld === 0) return;
  const remedy =
    waitingProposal(proposal, now) === undefined
      ? 'run with --mode Full, which proposes them for approval, or raise spec.deletion.budget before'
      : 'approve them with the annotation approve-deletions, or raise spec.deletion.budget, and run with --mode Full';
  say(
    `warning: ${withheld} records look gone since the newest full run and were not deleted; check the source, then ${remedy}`,
  );
}

/** A run speaks of the rows that it met; those of earlier runs are missing in the inventory all the same. */
function tellSetAside(
  { metadata, spec, status }: SyncRun,
  { setAside }: SystemHistory,
  flags: StoreFlags,
  say: (line: string) => void,
): void {
  const rows = setAside?.streams.reduce((sum, stream) => sum + stream.rows, 0) ?? 0;
  if (rows <= (status?.totals?.failed ?? 0)) return;
  say(
    `warning: ${rows} ${rows === 1 ? 'row that does not fit is' : 'rows that do not fit are'} set aside, from earlier runs too; ` +
      `extsys quarantine list --system ${metadata.namespace}/${spec.systemRef.name} --store '${withoutPassword(oneStore(flags))}' shows each`,
  );
}

/** A line per stream and second at most, and one when the stream has ended: records, pages, rate. */
export function progressPrinter(
  say: (line: string) => void,
  monotonicMs: () => number = () => performance.now(),
): (progress: Progress) => void {
  const printedMs = new Map<string, number>();
  return (progress) => {
    const { stream } = progress.tally;
    const nowMs = monotonicMs();
    const beforeMs = printedMs.get(stream) ?? nowMs;
    printedMs.set(stream, beforeMs);
    if (!progress.ended && nowMs - beforeMs < 1_000) return;
    if (progress.ended) printedMs.delete(stream);
    else printedMs.set(stream, nowMs);
    say(progressLine(progress));
  };
}

const checkWords = { Passed: 'ok', Warning: 'warning', Failed: 'failed' } as const;

/** Whole: the record of the run has room for its beginning only. */
function checkLine({ name, result, message }: Check): string {
  return `${checkWords[result].padEnd(7)} ${name}: ${message}`;
}

function progressLine({ tally, recordsPerSecond, ended }: Progress): string {
  const pages = `${tally.pages} ${tally.pages === 1 ? 'page' : 'pages'}`;
  const changes = `${tally.created} created, ${tally.updated} updated, ${tally.unchanged} unchanged`;
  const failed = tally.failed === 0 ? '' : `, ${tally.failed} set aside`;
  const mark = ended ? '' : ' …';
  return `${tally.stream}: ${tally.fetched} records in ${pages} (${recordsPerSecond}/s): ${changes}${failed}${mark}`;
}

function oneOf<Value extends string>(flag: string, value: string, allowed: readonly Value[]): Value {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw new InputError(`${flag} ${value}: use ${allowed.join(', ')}`);
  return found;
}
