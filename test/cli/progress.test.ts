// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { progressPrinter } from '../../src/cli/sync.ts';

const counts = {
  stream: 'cis',
  record: 'Asset',
  pages: 1,
  created: 0,
  updated: 0,
  unchanged: 0,
  deleted: 0,
  failed: 0,
} as const;

test('a line a second for a long stream, one when it has ended, and a later run begins anew', () => {
  let nowMs = 0;
  const lines: string[] = [];
  const print = progressPrinter(
    (line) => lines.push(line),
    () => nowMs,
  );
  const read = (fetched: number, ended = false) =>
    print({
      tally: { ...counts, fetched },
      recordsPerSecond: 100,
      ended,
    });
  const printed = () => lines.splice(0).map((line) => line.split(' ')[1]);
  read(1);
  nowMs = 900;
  read(2);
  expect(printed(), 'a stream of less than a second').toEqual([]);
  nowMs = 1_000;
  read(3);
  nowMs = 1_500;
  read(4);
  read(5, true);
  expect(printed()).toEqual(['3', '5']);
  nowMs = 60_000;
  read(1);
  expect(printed(), 'the first page of the next run').toEqual([]);
});
