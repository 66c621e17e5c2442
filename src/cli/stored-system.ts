// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { bounded } from '../api/bounded.ts';
import { Failure } from '../connector/failure.ts';
import { SystemBusy, type Holdings, type Store } from '../store/port.ts';
import { cliWorker, endTakenFileRuns } from '../sync/unclaimed-end.ts';
import { CommandFailed, type Streams } from './command.ts';
import { InputError } from './manifests.ts';
import { oneStore, openStore, sqliteFileOf, type StoreFlags } from './store-url.ts';

/** The one system that a command works on. Throws InputError when it is not one name of the form NAMESPACE/NAME. */
export function systemArgument(positionals: readonly string[]): string {
  const [system, ...others] = positionals;
  if (system === undefined || others.length > 0)
    throw new InputError(`give one system as NAMESPACE/NAME, not ${positionals.length}`);
  if (!/^[^/\s]+\/[^/\s]+$/u.test(system))
    throw new InputError(`${system}: give the system as NAMESPACE/NAME, such as inventory/cmdb`);
  return system;
}

/** The database of the flags, opened. A file that is not there holds no system, and none is made. Throws InputError. */
export async function openKnownStore(flags: StoreFlags, streams: Streams): Promise<Store> {
  const file = sqliteFileOf(oneStore(flags));
  if (file !== undefined && !existsSync(file))
    throw new InputError(`--store ${oneStore(flags)}: there is no such file`);
  return openStore(flags, {
    env: process.env,
    warn: (line) => void streams.stderr.write(`warning: ${line}\n`),
  });
}

/** What the database has of it. Throws CommandFailed with the systems that there are. */
export async function holdingsOf(store: Store, system: string): Promise<Holdings> {
  const found = await store.holdings(system);
  if (found !== undefined) return found;
  const known = await store.knownSystems();
  throw new CommandFailed(`the database has no system ${system}; it has ${namesOf(known)}`);
}

export const takeOverOption = { type: 'boolean', default: false } as const;
export const takeOverUsage =
  '      --take-over                 although a run is under way: its process is gone, or may write nothing more';

/** Throws CommandFailed while a run has the system, with what helps. */
export function refuseRunning({ system, running }: Holdings): void {
  if (running !== undefined) throw busyRefusal(new SystemBusy(system, running.runName, running.worker));
}

export function busyRefusal({ message, worker }: SystemBusy, outcome = ''): CommandFailed {
  const advice = worker.startsWith(cliWorker)
    ? 'wait for its end, or stop its process; if that is gone, give --take-over, or run extsys sync of the same file, which takes its place'
    : 'wait for its end, or cancel it; if its process is gone, give --take-over';
  return new CommandFailed(`${message}${outcome}; ${advice}`);
}

/** Ends the runs from files that a command has taken the system from, so that their records say who. */
export async function endTakenOver(
  store: Store,
  system: string,
  command: string,
  say: (line: string) => void,
): Promise<void> {
  const failure = new Failure('cancelled', `${command} has taken the system`);
  for (const { runName, phase } of await endTakenFileRuns(store, system, new Date(), failure))
    say(`${runName}, which the system was taken from, was ended as ${phase}`);
}

/** At most so many are named. */
const namedKnown = 10;

/** Names that there are, for whoever gave another. */
export function namesOf(known: readonly string[]): string {
  if (known.length === 0) return 'none';
  const more = known.length - namedKnown;
  return `${known.slice(0, namedKnown).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Who is at work here, for the record: `user@host`. */
export function whoIsHere(): string {
  return bounded(`${userName()}@${hostname()}`, 128);
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container the account often has a number only.
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}
