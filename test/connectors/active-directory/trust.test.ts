// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { trustIn } from '../../../connectors/active-directory/trust.ts';

const one = '11111111-1111-4111-8111-111111111111';
const other = '22222222-2222-4222-8222-222222222222';
const now = { dc: 'dc2.example.com', invocationId: other, usn: 500n, at: new Date('2026-03-01T12:00:00Z') };
const same = { dc: now.dc, invocationId: other, last: '500', rows: 3 };

describe('what absence proves', () => {
  test.each([
    ['nothing was read before', undefined, 'Full', { mayLag: false, unproven: undefined }],
    ['the same controller was read before', same, 'Full', { mayLag: false, unproven: undefined }],
    [
      'another controller was read before',
      { ...same, dc: 'dc1.example.com' },
      'Full',
      { mayLag: true, unproven: /before 2026-03-01T15:00Z, and then by the next full run/u },
    ],
    [
      'it was rebuilt since',
      { ...same, invocationId: one },
      'Full',
      { mayLag: true, unproven: /may lag behind/u },
    ],
    [
      'it counts fewer changes than then',
      { ...same, last: '501' },
      'Window',
      { mayLag: true, unproven: /may lag behind/u },
    ],
    ['what was read before is not known', { rows: 3 }, 'Full', { mayLag: true, unproven: /may lag behind/u }],
    [
      'it was changed to an hour ago',
      { ...same, dcSince: '2026-03-01T11:00:00.000Z' },
      'Full',
      { mayLag: true, unproven: /before 2026-03-01T14:00Z/u },
    ],
    [
      'it was changed to three hours ago',
      { ...same, dcSince: '2026-03-01T09:00:00.000Z' },
      'Full',
      { mayLag: false, unproven: undefined },
    ],
    [
      'it was changed to three hours ago, and only changes are read',
      { ...same, dcSince: '2026-03-01T09:00:00.000Z' },
      'Window',
      { mayLag: false, unproven: /waits for the next full run/u },
    ],
  ] as const)('%s', (_what, last, reading, { mayLag, unproven }) => {
    const trust = trustIn(now, last, reading);
    expect(trust.mayLag).toBe(mayLag);
    if (unproven === undefined) expect(trust.facts).not.toHaveProperty('unproven');
    else expect(trust.facts['unproven']).toMatch(unproven);
    expect(trust.facts).toMatchObject({ dc: now.dc, invocationId: other, last: '500' });
  });

  test('is remembered from reading to reading until a full one has shown what is gone', () => {
    const hours = (count: number) => ({ ...now, at: new Date(now.at.getTime() + count * 3_600_000) });
    const first = trustIn(now, { ...same, dc: 'dc1.example.com' }, 'Window');
    const second = trustIn(hours(1), first.facts, 'Full');
    const third = trustIn(hours(5), second.facts, 'Window');
    const fourth = trustIn(hours(6), third.facts, 'Full');
    expect([first, second, third, fourth].map(({ facts }) => facts['unproven'] !== undefined)).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(trustIn(hours(7), fourth.facts, 'Window').facts).not.toHaveProperty('unproven');
  });
});
