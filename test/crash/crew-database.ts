// SPDX-License-Identifier: Apache-2.0
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sqliteStore } from '../../src/store/sqlite/index.ts';
import type { CrewDatabase } from './crew.ts';
import { sqliteJournal } from './journal.ts';

/** In memory where there is such a folder: a commit that waits for the disk would be most of the time of a test. */
const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** SQLite files that note every write of a row, copied from one that was migrated once. */
export class CrewDatabases implements Disposable {
  private readonly folder = mkdtempSync(join(base, 'extsys-crash-'));
  private readonly template = join(this.folder, 'template.db');
  private made = 0;

  async prepare(): Promise<this> {
    const store = sqliteStore(this.template);
    await store.open();
    await store.close();
    const connection = new DatabaseSync(this.template);
    for (const statement of sqliteJournal) connection.exec(statement);
    connection.close();
    return this;
  }

  async open(): Promise<CrewDatabase & AsyncDisposable> {
    this.made += 1;
    const file = join(this.folder, `${this.made}.db`);
    copyFileSync(this.template, file);
    const store = sqliteStore(file);
    await store.open();
    const other = new DatabaseSync(file);
    return {
      store,
      query: async (sql) => other.prepare(sql).all(),
      change: (sql) => other.exec(sql),
      async [Symbol.asyncDispose]() {
        other.close();
        await store.close();
        for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
      },
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
