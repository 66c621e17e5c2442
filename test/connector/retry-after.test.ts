// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { retryAfter } from '../../src/connector/retry-after.ts';

const now = new Date('2026-03-01T00:00:00Z');

describe('Retry-After', () => {
  it.each<[string, number]>([
    ['0', 0],
    ['7', 7000],
    [' 7 ', 7000],
    ['2.128', 2128],
    ['Sun, 01 Mar 2026 00:00:30 GMT', 30_000],
    ['Sat, 28 Feb 2026 00:00:00 GMT', 0],
  ])('%s means a time', (header, ms) => {
    expect(retryAfter(header, now)).toBe(ms);
  });

  it.each([
    '',
    'soon',
    '5, 5',
    '-1',
    '+5',
    '5s',
    '1e3',
    '.5',
    '0x10',
    'Infinity',
    'Invalid Date',
    '2026-03-01T00:00:30Z',
    'Sun, 01 Mar 2026 00:00:30 +0000',
    'Sun, 31 Feb 2026 00:00:00 GMT',
    'Mon, 01 Mar 2026 00:00:30 GMT',
  ])('%s means nothing', (header) => {
    expect(retryAfter(header, now)).toBeUndefined();
  });

  it('may be missing', () => {
    expect(retryAfter(undefined, now)).toBeUndefined();
  });
});
