// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import type { QuarantinedRow } from '../store/port.ts';
import type { StoredReads } from '../store/port/reader.ts';
import { CommandFailed, type CommandEntry, type Streams } from './command.ts';
import { InputError } from './manifests.ts';
import { outputFormOf, outputOption, renderList } from './output.ts';
import { namesOf } from './stored-system.ts';
import { storeOptions, storeUsage, withReader } from './store-url.ts';
import { subcommands } from './subcommands.ts';
import { syncCommand } from './sync.ts';

const listUsage = `extsys quarantine list [--system NAMESPACE/NAME] [--stream NAME] [--reason TEXT] [--limit N] [--before ID]

Lists rows that did not fit and were set aside, newest first, without their values.

${storeUsage}
      --system NAMESPACE/NAME     only rows of this ExternalSystem
      --stream NAME               only rows of this stream
      --reason TEXT               only rows whose reason contains this text
      --limit N                   at most so many, 1 to 10000 (default 100)
      --before ID                 the next page: only rows with a smaller id
  -o, --output FORM               json, yaml or table (default table)
`;

const showUsage = `extsys quarantine show ID

Prints all that is kept of one row: the value as it was kept, without secrets, and whether it can be replayed.

${storeUsage}
  -o, --output FORM               json, yaml or table (default table)
`;

const replayUsage = `extsys quarantine replay -f FILE

Runs one sync of the ExternalSystem in FILE. Each stream begins with its rows that were set aside under another mapping or
configuration; what fits now is stored, unless something newer is known. Flags and exit status are those of extsys sync.
`;

export const quarantineCommand: CommandEntry = subcommands('quarantine', {
  list: { run: list, usage: listUsage },
  show: { run: show, usage: showUsage },
  replay: { run: (args, streams) => syncCommand(args, streams), usage: replayUsage },
});

const maxLimit = 10_000;

async function list(args: readonly string[], streams: Streams): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...storeOptions,
      system: { type: 'string' },
      stream: { type: 'string' },
      reason: { type: 'string' },
      limit: { type: 'string', default: '100' },
      before: { type: 'string' },
      output: outputOption,
    },
  });
  const form = outputFormOf(values.output);
  const { system, stream, reason } = values;
  if (system !== undefined && !/^[^/]+\/[^/]+$/u.test(system))
    throw new InputError(`--system ${system}: use NAMESPACE/NAME`);
  const limit = wholeNumber('--limit', values.limit, maxLimit);
  const before =
    values.before === undefined ? undefined : wholeNumber('--before', values.before, Number.MAX_SAFE_INTEGER);
  const rows = await withReader(values, streams, async (reader) => {
    const found = await reader.quarantinedRows({ system, stream, reason, before, limit });
    if (found.length === 0) await refuseUnknown(reader, system, stream);
    return found;
  });
  streams.stdout.write(renderList(rows.map(summary), form, columns));
  const last = rows.at(-1);
  if (last !== undefined && rows.length === limit)
    streams.stderr.write(`there may be more: the next page is --before ${last.id}\n`);
  return 0;
}

/** Of what there is not, no rows is no answer. Throws InputError. */
async function refuseUnknown(
  store: Pick<StoredReads, 'knownSystems' | 'knownStreams'>,
  system: string | undefined,
  stream: string | undefined,
): Promise<void> {
  if (system !== undefined) {
    const systems = await store.knownSystems();
    if (!systems.includes(system))
      throw new InputError(`--system ${system}: the database has ${namesOf(systems)}`);
  }
  if (stream === undefined) return;
  const known = await store.knownStreams(system);
  if (!known.includes(stream))
    throw new InputError(`--stream ${stream}: ${system ?? 'the database'} has ${namesOf(known)}`);
}

async function show(args: readonly string[], streams: Streams): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...storeOptions, output: outputOption },
  });
  const form = outputFormOf(values.output);
  const [given, ...more] = positionals;
  if (given === undefined || more.length > 0)
    throw new InputError('name one row by its ID, as extsys quarantine list prints it');
  const id = wholeNumber('ID', given, Number.MAX_SAFE_INTEGER);
  const row = await withReader(values, streams, (reader) => reader.quarantinedRow(id));
  if (row === undefined)
    throw new CommandFailed(`no row ${id} is set aside; it may have been replayed or read well since`);
  const item = { ...summary(row), raw: row.raw };
  const fields = Object.entries(item).map(([field, value]) => ({ field, value: String(value) }));
  streams.stdout.write(
    form === 'table'
      ? renderList(fields, form, { FIELD: ({ field }) => field, VALUE: ({ value }) => value })
      : renderList([item], form, {}),
  );
  return 0;
}

function wholeNumber(name: string, given: string, max: number): number {
  const value = /^\d{1,16}$/u.test(given) ? Number(given) : 0;
  if (value < 1 || value > max) throw new InputError(`${name} ${given}: use a whole number from 1 to ${max}`);
  return value;
}

function summary(row: QuarantinedRow) {
  return {
    id: row.id,
    system: row.system,
    stream: row.stream,
    externalId: row.externalId ?? null,
    path: row.path,
    reason: row.reason,
    times: row.times,
    firstAt: row.firstAt.toISOString(),
    lastAt: row.at.toISOString(),
    runUid: row.runUid,
    revision: row.revision,
    replay: replayability(row),
  };
}

function replayability({ externalId, unreplayable }: QuarantinedRow): string {
  if (unreplayable !== undefined) return `no: ${unreplayable}`;
  return externalId === undefined ? 'no: its id cannot be read' : 'when the mapping or configuration changes';
}

type Summary = ReturnType<typeof summary>;

const columns: Readonly<Record<string, (row: Summary) => string>> = {
  ID: ({ id }) => String(id),
  SYSTEM: ({ system }) => system,
  STREAM: ({ stream }) => stream,
  RECORD: ({ externalId }) => externalId ?? '-',
  TIMES: ({ times }) => String(times),
  LAST: ({ lastAt }) => lastAt,
  PATH: ({ path }) => path,
  REASON: ({ reason }) => reason,
};
