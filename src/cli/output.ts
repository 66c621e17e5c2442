// SPDX-License-Identifier: Apache-2.0
import { dump } from 'js-yaml';
import type { SyncRun } from '../api/resource.ts';
import type { StreamStatus, SyncRunStatus } from '../api/sync-run.ts';
import { unverifiedScopesOf } from '../api/unverified-scopes.ts';
import { InputError } from './manifests.ts';

export const outputForms = ['json', 'yaml', 'table'] as const;
export type OutputForm = (typeof outputForms)[number];

/** A run as text in the form that was asked for; `beside` is for a person to read below the table. */
export function renderRun(run: SyncRun, form: OutputForm, beside = ''): string {
  switch (form) {
    case 'json':
      return `${JSON.stringify(run, undefined, 2)}\n`;
    case 'yaml':
      return dump(run, { lineWidth: 120, noRefs: true });
    case 'table':
      return renderRunTable(run) + beside;
    default:
      return assertNever(form);
  }
}

/** A list as text: an array of the items, or a table of the columns that a person looks for. */
export function renderList<Item>(
  items: readonly Item[],
  form: OutputForm,
  columns: Readonly<Record<string, (item: Item) => string>>,
): string {
  switch (form) {
    case 'json':
      return `${JSON.stringify(items, undefined, 2)}\n`;
    case 'yaml':
      return dump(items, { lineWidth: 120, noRefs: true });
    case 'table': {
      const rows = items.map((item) => Object.values(columns).map((cell) => cell(item)));
      return renderTable([Object.keys(columns), ...rows]);
    }
    default:
      return assertNever(form);
  }
}

/** The flag -o, for every command that prints objects. */
export const outputOption = { type: 'string', short: 'o', default: 'table' } as const;

/** Throws InputError for a form that there is not. */
export function outputFormOf(value: string): OutputForm {
  const form = outputForms.find((name) => name === value);
  if (form === undefined) throw new InputError(`--output ${value}: use ${outputForms.join(', ')}`);
  return form;
}

function assertNever(value: never): never {
  throw new TypeError(`unknown output form ${String(value)}`);
}

function renderRunTable(run: SyncRun): string {
  const { status = {}, spec, metadata } = run;
  const totals = status.totals;
  const head = renderTable([
    [
      'NAME',
      'SYSTEM',
      'MODE',
      'READ',
      'PHASE',
      'FETCHED',
      'CREATED',
      'UPDATED',
      'UNCHANGED',
      'DELETED',
      'FAILED',
    ],
    [
      metadata.name,
      spec.systemRef.name,
      spec.mode,
      howRead(status.streams ?? []),
      status.phase ?? '',
      ...[
        totals?.fetched,
        totals?.created,
        totals?.updated,
        totals?.unchanged,
        totals?.deleted,
        totals?.failed,
      ].map((count) => String(count ?? 0)),
    ],
  ]);
  const failure = status.failure;
  const why =
    failure === undefined
      ? ''
      : `\n${failure.code} (${failure.class}): ${failure.message}\nwho must act: ${failure.audience}\n`;
  return `${head}${renderStreams(status.streams ?? [])}${renderUnverified(status)}${why}`;
}

/** The mode says what was asked for; a stream that was never read to its end is read in full by any. */
function howRead(streams: readonly StreamStatus[]): string {
  const modes = streams.flatMap(({ mode }) => (mode === undefined ? [] : [mode]));
  const full = modes.filter((mode) => mode === 'Full').length;
  if (modes.length === 0) return '-';
  if (full === modes.length) return 'Full';
  return full === 0 ? 'Incremental' : `Full ${full} of ${modes.length}`;
}

const streamCounts = ['fetched', 'created', 'updated', 'unchanged', 'deleted', 'failed'] as const;
/** What few runs have: a column that is there only when it says something. */
const rareCounts = ['withheld', 'withdrawn'] as const;

/** Of a stream that was read to its end; a passed budget is told below the table. */
function whyWithheld({ evidence }: StreamStatus): string {
  const young = evidence?.young ?? 0;
  if (young > 0) return `${young} not seen, and too new to be missed: a later full reading decides`;
  return evidence?.unproven ?? '';
}

function renderStreams(streams: readonly StreamStatus[]): string {
  if (streams.length === 0) return '';
  const rare = rareCounts.filter((count) => streams.some(({ [count]: records = 0 }) => records > 0));
  const counts = [...streamCounts, ...rare];
  const rows = streams.map((stream) => [
    ...[stream.name, stream.record, stream.mode ?? '-', stream.complete ? 'yes' : 'no'],
    ...counts.map((count) => String(stream[count] ?? 0)),
    stream.incompleteReason ?? whyWithheld(stream),
  ]);
  const heading = ['STREAM', 'RECORD', 'READ', 'COMPLETE', ...counts.map((count) => count.toUpperCase())];
  return `\n${renderTable([[...heading, 'REASON'], ...rows])}`;
}

/** Which scopes were not read to a verified end, and how many of them the record does not name. */
function renderUnverified(status: SyncRunStatus): string {
  const { named, total, leftOut } = unverifiedScopesOf(status);
  if (total === 0) return '';
  const rows = named.map((one) => [one.stream, one.scope, one.reason].map(inOneLine));
  const table =
    rows.length === 0 ? '' : `\n${renderTable([['STREAM', 'UNVERIFIED SCOPE', 'REASON'], ...rows])}`;
  // What a plan read is not kept.
  const where = status.mode === 'Plan' ? '' : '; the table pass_scopes names each';
  const more = `… and ${leftOut} more, ${total} in all${where}`;
  return leftOut === 0 ? table : `${table}\n${more}\n`;
}

/** Text of the vendor must not break a table. */
export function inOneLine(cell: string): string {
  return cell.replaceAll(/\s+/gu, ' ');
}

/** Columns padded as kubectl pads them. */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cell.length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, index) => cell.padEnd(widths[index] ?? 0))
          .join('   ')
          .trimEnd()}\n`,
    )
    .join('');
}
