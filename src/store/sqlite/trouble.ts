// SPDX-License-Identifier: Apache-2.0
import { dirname } from 'node:path';
import { DatabaseTrouble } from '../refusals.ts';

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html) that a person must mend, and how. */
const troubles: Readonly<Record<number, (file: string) => string>> = {
  5: () => 'another process has held it for 30 s; see what else has the file open',
  8: () =>
    'it cannot be written; see the permissions of the file and its folder, and whether the volume is read-only',
  10: () =>
    'reading or writing failed; see whether the path is a file and no folder, then the volume and the log of the kernel',
  11: () => 'it is damaged; put a backup in its place (extsys backup makes them)',
  13: () => 'there is no space left; make room or enlarge the volume',
  14: (file) =>
    `it cannot be opened; see whether this account may read and write it and its folder ${dirname(file)}`,
  26: () => 'the file is no SQLite database; give another, or move it away',
};

/** Cannot be written, cannot be opened: what one who only reads meets in WAL mode, where readers share a file that is written, too. */
const readerRefused: ReadonlySet<number> = new Set([8, 14]);

const readerWords = (file: string) =>
  'this account may not read it, or it is in WAL mode, in which readers too write beside it: ' +
  `let the account write into the folder ${dirname(file)}, or read a copy that extsys backup made, which can do without`;

/** What SQLite says in a few words, as a sentence that names the file and the remedy; other errors stay as they are. */
export function troubleOf(file: string, error: unknown, readOnly = false): unknown {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return error;
  // Extended codes carry the primary one in their lowest byte.
  const code = error.errcode & 0xff;
  if (readOnly && /^no such (?:table|column)/u.test(error.message))
    return new DatabaseTrouble(
      `database ${file}: ${error.message}; somebody altered its schema, see extsys audit verify`,
      { cause: error },
    );
  const said = readOnly && readerRefused.has(code) ? readerWords : troubles[code];
  if (said === undefined) return error;
  return new DatabaseTrouble(`database ${file}: ${said(file)} (${error.message})`, { cause: error });
}
