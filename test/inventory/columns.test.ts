// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { tableOf } from '../../src/inventory/columns.ts';
import { kinds, recordKinds } from '../../src/inventory/kinds.ts';

/** What every table and its current view have beside the columns of the kind. */
const common = new Set([
  ...['system', 'stream', 'external_id', 'name', 'attributes', 'content_hash', 'first_seen_at'],
  ...['last_seen_at', 'changed_at', 'deleted_at', 'withdrawn_at', 'withdrawn_reason', 'quarantined_at'],
  ...['demo', 'correlation_id'],
]);

test.each(recordKinds)('%s: no column of its own is named as one that every table has', (kind) => {
  const names = tableOf(kind).columns.map(({ name }) => name);
  expect(names.filter((name) => common.has(name))).toEqual([]);
  expect(new Set(names).size).toBe(names.length);
});

test.each(recordKinds)('%s: every field says in a sentence what it is', (kind) => {
  const silent = Object.entries(kinds[kind].properties as Record<string, { description?: string }>)
    .filter(([, { description = '' }]) => !/^\S.*\.$/u.test(description))
    .map(([field]) => field);
  expect(silent).toEqual([]);
});
