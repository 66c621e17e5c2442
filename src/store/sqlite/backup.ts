// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';

/** Pages that are copied between two looks at the clock and the signal: some ten milliseconds of a disk. */
const pagesPerStep = 2_000;

/** The copy cannot be made as it was asked for; the message says why and what to do. */
export class BackupRefused extends Error {
  override readonly name = 'BackupRefused';
}

export interface BackupOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (copied: number, pages: number) => void;
  /** All pages are copied and are being read back. */
  readonly onCheck: () => void;
}

export interface Backup {
  readonly bytes: number;
  /** Newest migration of the copy. */
  readonly schema: number;
}

/**
 * Copies an inventory as it stands at this moment into a new file, while others write. The copy is checked before it gets its name,
 * so a file of that name is whole. Its name is never taken from another file.
 */
export async function backupSqlite(from: string, to: string, options: BackupOptions): Promise<Backup> {
  refuseTaken(to);
  const folder = dirname(resolve(to));
  if (!existsSync(folder))
    throw new BackupRefused(`${to}: there is no folder ${folder}; make it, or correct the path`);
  const partial = `${to}.partial-${process.pid}`;
  await reserve(partial, folder);
  try {
    await copy(from, partial, options);
    options.onCheck();
    const schema = check(partial);
    const bytes = await flush(partial);
    options.signal.throwIfAborted();
    refuseTaken(to);
    await rename(partial, to);
    await flush(folder);
    return { bytes, schema };
  } finally {
    for (const suffix of ['', '-journal', '-wal', '-shm']) await rm(`${partial}${suffix}`, { force: true });
  }
}

/** SQLite would name the source for what the new file's folder refuses. */
async function reserve(partial: string, folder: string): Promise<void> {
  try {
    await (await open(partial, 'wx')).close();
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new BackupRefused(
      `${partial}: cannot be made (${code}); give this user the right to write into ${folder}, or name another folder`,
      { cause: error },
    );
  }
}

function refuseTaken(to: string): void {
  if (existsSync(to)) throw new BackupRefused(`${to} exists already; name a new file, or move that one away`);
}

async function copy(from: string, partial: string, { signal, onProgress }: BackupOptions): Promise<void> {
  const source = new DatabaseSync(from, { readOnly: true, timeout: 30_000 });
  try {
    requireInventory(source, from);
    // A read transaction holds the moment: else every write of others would make the copy begin anew, for ever under a busy writer.
    source.exec('BEGIN');
    source.prepare('SELECT count(*) FROM sqlite_schema').get();
    await backup(source, partial, {
      rate: pagesPerStep,
      progress: ({ totalPages, remainingPages }) => {
        signal.throwIfAborted();
        onProgress(totalPages - remainingPages, totalPages);
      },
    });
  } finally {
    source.close();
  }
}

function requireInventory(source: DatabaseSync, from: string): void {
  const found = source.prepare("SELECT 1 AS one FROM sqlite_schema WHERE name = 'migrations'").get();
  if (found === undefined) throw new BackupRefused(`${from} is no inventory: it has no table migrations`);
}

/** Reads the copy back. Afterwards it is one file, without a log beside it. */
function check(partial: string): number {
  const made = new DatabaseSync(partial);
  try {
    made.exec('PRAGMA journal_mode = DELETE');
    const rows = made.prepare('PRAGMA integrity_check(1)').all();
    const [verdict] = Object.values(rows[0] ?? {});
    if (verdict !== 'ok')
      throw new Error(`the copy is damaged (${String(verdict)}); check the database itself`);
    const row = made.prepare('SELECT max(number) AS schema FROM migrations').get();
    return Number(row?.['schema'] ?? 0);
  } finally {
    made.close();
  }
}

/** Makes a file, or the names in a folder, survive a power cut; answers its size. */
async function flush(path: string): Promise<number> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}
