// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it, test } from 'vitest';
import { offsetOf, VendorClocks } from '../../src/connector/vendor-clock.ts';
import { clockCheck, recordedChecks } from '../../src/sync/checks.ts';

const at = (seconds: number) => new Date(Date.parse('2026-03-01T10:00:00Z') + seconds * 1000);

/** An answer whose Date is so many seconds after it was sent, and that took so long. */
const answer = (dateAt: number, tookSeconds: number) => ({
  date: at(dateAt),
  sentAt: at(0),
  receivedAt: at(tookSeconds),
});

test('an offset is a range as wide as the way of the answer and the second of the Date', () => {
  expect(offsetOf(answer(10, 2))).toEqual({ leastMs: 8_000, mostMs: 11_000 });
});

describe('the check of the clock', () => {
  test.each([
    ['the same', 0, 1, 'Passed', 'agree within 1 s'],
    ['ahead, within what is tolerated', 30, 1, 'Passed', 'agree within 31 s'],
    ['ahead, when the way may explain it', 40, 15, 'Passed', 'agree within 41 s'],
    ['ahead', 32, 1, 'Warning', '32 s ahead of ours (2026-03-01T10:00:32Z, ours 2026-03-01T10:00:01Z)'],
    ['behind', -95, 0, 'Warning', 'behind ours (2026-03-01T09:58:25Z, ours 2026-03-01T10:00:00Z)'],
    ['behind, to the second', -31, 0, 'Passed', 'agree within 31 s'],
    ['a long way', 0, 70, 'Warning', 'the answer took 71 s'],
  ])('%s', (_, date, took, result, message) => {
    const check = clockCheck(answer(date, took));
    expect(check).toMatchObject({ name: 'clock', result });
    expect(check.message).toContain(message);
    expect(check.message.length).toBeLessThanOrEqual(160);
  });

  test('no Date', () => {
    expect(clockCheck(undefined)).toMatchObject({ result: 'Warning' });
    expect(clockCheck(undefined).message).toContain('no answer tells its Date');
  });

  test('years apart still fit', () => {
    const message = clockCheck(answer(-1e9, 29)).message;
    expect(message.length).toBeLessThanOrEqual(160);
    expect(message).toContain('mend NTP');
  });
});

describe('the clocks of vendors', () => {
  const headers = (date: string, age?: string) =>
    new Map([['date', date], ...(age === undefined ? [] : [['age', age] as const])]);
  const date = at(5).toUTCString();

  it('are known by the answer that was shortest on its way, each origin by its own', () => {
    const clocks = new VendorClocks();
    clocks.note('https://a.example.com', headers(date), at(0), at(4));
    clocks.note('https://a.example.com', headers(date), at(6), at(7));
    clocks.note('https://a.example.com', headers(date), at(8), at(10));
    expect(clocks.of('https://a.example.com')).toEqual({ date: at(5), sentAt: at(6), receivedAt: at(7) });
    expect(clocks.of('https://b.example.com')).toBeUndefined();
  });

  it.each([
    ['no time', headers('soon')],
    ['of an answer out of a cache', headers(date, '30')],
    ['missing', new Map<string, string>()],
  ])('are not told by a Date that is %s', (_, given) => {
    const clocks = new VendorClocks();
    clocks.note('https://a.example.com', given, at(0), at(1));
    expect(clocks.of('https://a.example.com')).toBeUndefined();
  });
});

test('a record keeps sixteen checks in their order: those that passed give way first, texts are cut', () => {
  const checks = [...Array(20).keys()].map((number) => ({
    name: `stream-${number}`,
    result: number === 18 ? ('Failed' as const) : number === 19 ? ('Warning' as const) : ('Passed' as const),
    message: 'x'.repeat(300),
  }));
  const kept = recordedChecks(checks);
  const names = [...Array(14).keys(), 18, 19].map((number) => `stream-${number}`);
  expect(kept.map(({ name }) => name)).toEqual(names);
  expect(kept[0]?.message).toHaveLength(160);
});
