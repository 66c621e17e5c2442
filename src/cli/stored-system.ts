// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { bounded } from '../api/bounded.ts';
import type { Holdings, Store } from '../store/port.ts';
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
  throw new CommandFailed(
    `the database has no system ${system}; it has ${known.length === 0 ? 'none' : bounded(known.join(', '), 400)}`,
  );
}

/** Why a system that a run has cannot be worked on, and what helps; undefined when none has it. */
export function busyReason({ system, running }: Holdings): string | undefined {
  if (running === undefined) return undefined;
  return `run ${running.runName} of ${system} is under way (worker ${running.worker}); wait for its end, or cancel it`;
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
