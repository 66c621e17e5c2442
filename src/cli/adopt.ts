// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { connectors } from '../../connectors/index.ts';
import { SystemBusy, type Holdings, type Store } from '../store/port.ts';
import { CommandFailed, type Streams } from './command.ts';
import { confirm, yesOption, yesUsage } from './confirm.ts';
import { InputError } from './manifests.ts';
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

export const adoptUsage = `extsys adopt NAMESPACE/NAME --source SOURCE [--take-over] [--store URL] [--yes]

Binds the rows of a system to another source: the same data under a new address. The next run reads every stream in full and judges
the rows as usual. The failed run names both sources; SOURCE is what it says after "not from". Recorded in the table actions.

      --source SOURCE             such as 'serviceNowCmdb https://new.example.com/'
${takeOverUsage}
${storeUsage}
${yesUsage}

Exit status: 0 done, or bound to it already; 1 it could not be done; 2 unusable input.
`;

/** `extsys adopt`. Answers the exit status. */
export async function adoptCommand(args: readonly string[], streams: Streams): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...storeOptions, source: { type: 'string' }, 'take-over': takeOverOption, yes: yesOption },
  });
  const system = systemArgument(positionals);
  const source = sourceOf(values.source);
  const store = await openKnownStore(values, streams);
  try {
    const { yes, 'take-over': takeOver } = values;
    await adopt(store, await holdingsOf(store, system), { source, yes, takeOver }, streams);
    return 0;
  } finally {
    await store.close();
  }
}

function sourceOf(source: string | undefined): string {
  const known = connectors.map(({ id }) => id).join(', ');
  if (source === undefined || source === '')
    throw new InputError(
      "--source is missing: the new source as the failed run names it, 'CONNECTOR ADDRESS'",
    );
  const [id, address = ''] = source.split(' ');
  if (address === '' || !connectors.some((connector) => connector.id === id))
    throw new InputError(`--source ${source}: give 'CONNECTOR ADDRESS', with one of the connectors ${known}`);
  return source;
}

interface Asked {
  readonly source: string;
  readonly yes: boolean;
  readonly takeOver: boolean;
}

async function adopt(
  store: Store,
  held: Holdings,
  { source, yes, takeOver }: Asked,
  streams: Streams,
): Promise<void> {
  const { system, source: bound } = held;
  if (bound === source) {
    streams.stdout.write(`${system} is bound to ${source} already; nothing was done\n`);
    return;
  }
  if (bound === undefined)
    throw new CommandFailed(
      `${system} is bound to no source; its next run binds it, nothing is to be adopted`,
    );
  if (!takeOver) refuseRunning(held);
  const rows = held.streams.reduce(
    (sum, { live, deleted, withdrawn }) => sum + live + deleted + withdrawn,
    0,
  );
  streams.stderr.write(
    `${system}: ${rows} rows of ${held.streams.length} streams come from ${bound} and will belong to ${source}.\n` +
      'Cursors are dropped, so the next run reads everything; what it does not find is judged by the deletion budget.\n',
  );
  await confirm(streams, `Bind ${system} to ${source}?`, yes);
  try {
    await store.adoptSource(system, source, { actor: whoIsHere(), at: new Date() }, takeOver);
  } catch (error) {
    if (error instanceof SystemBusy) throw busyRefusal(error, '; nothing was done');
    throw error;
  }
  if (takeOver)
    await endTakenOver(store, system, 'extsys adopt', (line) => void streams.stderr.write(`${line}\n`));
  streams.stdout.write(`${system}: ${rows} rows adopted from ${bound} to ${source}; the next run is full\n`);
}
