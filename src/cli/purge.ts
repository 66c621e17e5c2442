// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { FenceLost, SystemBusy, type Holdings, type PurgeRequest, type Store } from '../store/port.ts';
import { CommandFailed, type Streams } from './command.ts';
import { confirm, yesOption, yesUsage } from './confirm.ts';
import { InputError } from './manifests.ts';
import { outputFormOf, outputOption, renderList, type OutputForm } from './output.ts';
import {
  busyRefusal,
  endTakenOver,
  holdingsOf,
  openKnownStore,
  refuseRunning,
  systemArgument,
  takeOverOption,
  takeOverUsage,
  whoIsHere,
} from './stored-system.ts';
import { storeOptions, storeUsage } from './store-url.ts';

export const purgeUsage = `extsys purge NAMESPACE/NAME [--withdrawn | --all] [--stream STREAM] [--store URL] [--yes]

Erases rows of a system, with their sightings and what was set aside of them. The archive of runs stays. One that was interrupted can be
run again. Recorded in the table actions, and named in the record of the next run.

      --withdrawn                 rows that the configuration no longer asks for (default)
      --all                       all rows, cursors, and what source they come from: the next run begins from nothing
      --stream STREAM             of this stream only; the source stays
${takeOverUsage}
${storeUsage}
  -o, --output FORM               json, yaml or table (default table)
${yesUsage}
  -q, --quiet                     no progress on standard error

Exit status: 0 done, or there was nothing to erase; 1 it could not be done, or not to the end; 2 unusable input.
`;

/** Some tenths of a second: so long a run that begins waits for its turn. */
const batchRows = 2_000;
const progressEveryMs = 1_000;

interface Asked extends Omit<PurgeRequest, 'actor' | 'at'> {
  readonly yes: boolean;
  readonly quiet: boolean;
  readonly form: OutputForm;
}

interface Erased {
  readonly stream: string;
  readonly record: string;
  readonly erased: number;
}

/** `extsys purge`. Answers the exit status. */
export async function purgeCommand(args: readonly string[], streams: Streams): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...storeOptions,
      withdrawn: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
      stream: { type: 'string' },
      'take-over': takeOverOption,
      output: outputOption,
      yes: yesOption,
      quiet: { type: 'boolean', short: 'q', default: false },
    },
  });
  if (values.withdrawn && values.all)
    throw new InputError('--withdrawn and --all exclude each other; give one of them');
  const asked: Asked = {
    system: systemArgument(positionals),
    what: values.all ? 'all' : 'withdrawn',
    stream: values.stream,
    takeOver: values['take-over'],
    yes: values.yes,
    quiet: values.quiet,
    form: outputFormOf(values.output),
  };
  const store = await openKnownStore(values, streams);
  try {
    const erased = await purge(store, await holdingsOf(store, asked.system), asked, streams);
    streams.stdout.write(
      renderList(erased, asked.form, {
        STREAM: ({ stream }) => stream,
        RECORD: ({ record }) => record,
        ERASED: (one) => String(one.erased),
      }),
    );
    return 0;
  } finally {
    await store.close();
  }
}

async function purge(
  store: Store,
  held: Holdings,
  asked: Asked,
  streams: Streams,
): Promise<readonly Erased[]> {
  const { system, what, stream } = asked;
  const chosen = held.streams.filter((one) => stream === undefined || one.stream === stream);
  if (stream !== undefined && chosen.length === 0) {
    const known = held.streams.map((one) => one.stream).join(', ');
    throw new InputError(`--stream ${stream}: ${system} has ${known === '' ? 'no streams' : known}`);
  }
  if (!asked.takeOver) refuseRunning(held);
  const none = chosen.map((one) => ({ stream: one.stream, record: one.record, erased: 0 }));
  const say = (line: string) => void streams.stderr.write(`${line}\n`);
  if (what === 'withdrawn' && chosen.every(({ withdrawn }) => withdrawn === 0)) {
    say(`${system} has no withdrawn rows${stream === undefined ? '' : ` in ${stream}`}; nothing was done`);
    return none;
  }
  say(planOf(held, chosen, what));
  await confirm(streams, `Erase them for good?`, asked.yes);
  return erase(store, asked, asked.quiet ? () => undefined : say);
}

function planOf({ system, source }: Holdings, chosen: Holdings['streams'], what: Asked['what']): string {
  const lines = chosen.map(({ stream, live, deleted, withdrawn, quarantined }) =>
    what === 'all'
      ? `  ${stream}: ${live} live, ${withdrawn} withdrawn and ${deleted} deleted rows, ${quarantined} set aside, all cursors`
      : `  ${stream}: ${withdrawn} withdrawn rows (${live} live and ${deleted} deleted ones stay)`,
  );
  return [
    `To be erased of ${system} (${source ?? 'no source'}):`,
    ...lines,
    '  The archive of runs stays.',
  ].join('\n');
}

async function erase(store: Store, asked: Asked, tell: (line: string) => void): Promise<readonly Erased[]> {
  const erased = new Map<string, number>();
  const total = () => [...erased.values()].reduce((sum, rows) => sum + rows, 0);
  const { system, what, stream, takeOver } = asked;
  try {
    const by = { actor: whoIsHere(), at: new Date() };
    const purging = await store.beginPurge({ system, what, stream, takeOver, ...by });
    if (takeOver) await endTakenOver(store, system, 'extsys purge', tell);
    let toldMs = performance.now();
    for (const one of purging.streams) {
      for (
        let batch = await store.purgeBatch(purging, one.stream, '', batchRows);
        batch !== undefined;
        batch = await store.purgeBatch(purging, one.stream, batch.last, batchRows)
      ) {
        erased.set(one.stream, (erased.get(one.stream) ?? 0) + batch.erased);
        if (performance.now() - toldMs < progressEveryMs) continue;
        toldMs = performance.now();
        tell(`${total()} rows erased …`);
      }
    }
    await store.endPurge(purging, total(), new Date());
    tell(`${total()} rows erased`);
    return purging.streams.map((one) => ({
      stream: one.stream,
      record: one.record,
      erased: erased.get(one.stream) ?? 0,
    }));
  } catch (error) {
    if (error instanceof SystemBusy) throw busyRefusal(error, '; nothing was erased');
    if (!(error instanceof FenceLost)) throw error;
    throw new CommandFailed(
      `a run, or another purge, has taken ${system}; ${total()} rows were erased; run the purge again when it has ended`,
    );
  }
}
