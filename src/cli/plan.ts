// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { dump } from 'js-yaml';
import type { StreamStatus, SyncRunStatus } from '../api/sync-run.ts';
import type { Plan, PlanSample, PlannedStream } from '../store/port.ts';
import type { StoredReads } from '../store/port/reader.ts';
import { statusFromArchive } from '../sync/run-record.ts';
import { CommandFailed, type CommandEntry, type Streams } from './command.ts';
import { InputError } from './manifests.ts';
import { inOneLine, outputFormOf, outputOption, renderTable, type OutputForm } from './output.ts';
import { storeOptions, storeUsage, withReader } from './store-url.ts';
import { subcommands } from './subcommands.ts';

const showUsage = `extsys plan show [RUN] [--store URL] [--system NAMESPACE/NAME] [-o table|json|yaml]

Prints what a run of mode Plan found: how often which field would change, and some records of each kind of change.
RUN is the name or the uid of the run; without it the newest plan is shown.

${storeUsage}
      --system NAMESPACE/NAME     of this system only
  -o, --output FORM               table (default), json or yaml

Exit status: 0 printed, 1 there is no such plan, 2 unusable input.
`;

async function show(args: readonly string[], streams: Streams): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...storeOptions, system: { type: 'string' }, output: outputOption },
  });
  const [run, ...more] = positionals;
  if (more.length > 0) throw new InputError(`${more.join(' ')}: give one RUN`);
  const form = outputFormOf(values.output);
  return withReader(values, streams, async (reader) => {
    const plan = await reader.plan({ run, system: values.system });
    if (plan === undefined) throw new CommandFailed(missing(run, values.system));
    streams.stdout.write(renderPlan(plan, await statusOf(reader, plan), form));
    return 0;
  });
}

function missing(run: string | undefined, system: string | undefined): string {
  const which = run === undefined ? 'no plan' : `no plan of a run ${run}`;
  const where = system === undefined ? '' : ` of system ${system}`;
  return `the database holds ${which}${where}; the newest ten of each system are kept: make one with a SyncRun of mode Plan, or extsys sync --mode Plan`;
}

/** Undefined while the run has not ended. */
async function statusOf(store: StoredReads, plan: Plan): Promise<SyncRunStatus | undefined> {
  const archived = await store.archivedRun(plan.runUid);
  return archived === undefined ? undefined : statusFromArchive(archived);
}

function renderPlan(plan: Plan, status: SyncRunStatus | undefined, form: OutputForm): string {
  const counts = new Map((status?.streams ?? []).map((stream) => [stream.name, stream]));
  const { phase, totals, failure } = status ?? {};
  const all = {
    ...plan,
    ...(phase === undefined ? {} : { phase }),
    ...(totals === undefined ? {} : { totals }),
    ...(failure === undefined ? {} : { failure }),
    streams: plan.streams.map((stream) => ({ ...stream, counts: counts.get(stream.stream) })),
  };
  if (form === 'json') return `${JSON.stringify(all, undefined, 2)}\n`;
  if (form === 'yaml') return dump(all, { lineWidth: 120, noRefs: true, skipInvalid: true });
  const head = `plan ${plan.runName} of ${plan.system}: ${phase ?? 'has not ended'}\n`;
  const why = failure === undefined ? '' : `${failure.code}: ${failure.message}\n`;
  const parts = all.streams.map((stream) => `\n${streamText(stream, stream.counts, Infinity)}`);
  return head + why + parts.join('');
}

/** A few lines on each stream, for below the outcome of a run from a file. */
export async function planSummary(store: StoredReads, runUid: string): Promise<string> {
  const plan = await store.plan({ run: runUid });
  if (plan === undefined) return '';
  const status = await statusOf(store, plan);
  const counts = new Map((status?.streams ?? []).map((stream) => [stream.name, stream]));
  const parts = plan.streams.map((stream) => streamText(stream, counts.get(stream.stream), 3));
  return `\n${parts.join('\n')}\nall samples: extsys plan show ${plan.runName}\n`;
}

function streamText(stream: PlannedStream, counts: StreamStatus | undefined, limit: number): string {
  const { created = 0, updated = 0, deleted = 0, failed = 0, withheld = 0 } = counts ?? {};
  const sum = `${stream.stream}: ${created} to create, ${updated} to update, ${deleted} to delete, ${withheld} withheld, ${failed} to set aside\n`;
  const reason = stream.withheldReason === undefined ? '' : `  withheld: ${stream.withheldReason}\n`;
  const fields = stream.fields.slice(0, limit * 5).map(({ field, records }) => `${field} (${records})`);
  const changed = fields.length === 0 ? '' : `  changed fields: ${fields.join(', ')}\n`;
  const seen = new Map<string, number>();
  const shown = stream.samples.filter(({ action }) => {
    seen.set(action, (seen.get(action) ?? 0) + 1);
    return (seen.get(action) ?? 0) <= limit;
  });
  if (shown.length === 0) return sum + reason + changed;
  return sum + reason + changed + renderTable([['ACTION', 'ID', 'NAME', 'WHAT'], ...shown.map(sampleRow)]);
}

function sampleRow({ action, externalId = '-', name = '-', changes = [], reason }: PlanSample): string[] {
  const what = changes.map(({ field, before = '', after = '' }) => `${field}: "${before}" -> "${after}"`);
  return [action, externalId, name, reason ?? what.join('; ')].map(inOneLine);
}

export const planCommand: CommandEntry = subcommands('plan', { show: { run: show, usage: showUsage } });
