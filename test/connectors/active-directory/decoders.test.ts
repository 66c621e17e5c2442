// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  computedFlags,
  controlFlags,
  int32,
  isDomainController,
  isEnabled,
} from '../../../connectors/active-directory/account-control.ts';
import {
  deletedId,
  dnKey,
  isOfDomain,
  isWithin,
  parseDn,
  parseExtendedDn,
} from '../../../connectors/active-directory/distinguished-name.ts';
import { groupTypeWords, isSecurityGroup } from '../../../connectors/active-directory/group-type.ts';
import { guidBytes, guidOf } from '../../../connectors/active-directory/guid.ts';
import { kindOf } from '../../../connectors/active-directory/member-kinds.ts';
import { sidBytes, sidOf, splitSid } from '../../../connectors/active-directory/sid.ts';
import { fileTime, generalizedTime, intervalMs, isPast } from '../../../connectors/active-directory/times.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

describe('objectGUID', () => {
  test('the first three groups stand backwards', () => {
    expect(guidOf(hex('b3aca939 28d6 4743 94e4 c3e08399cd5f'))).toBe('39a9acb3-d628-4347-94e4-c3e08399cd5f');
  });

  test.each([0, 15, 17])('%s bytes are none', (length) => {
    expect(guidOf(Buffer.alloc(length))).toBeUndefined();
  });

  test.each([
    '',
    'x',
    '39a9acb3-d628-4347-94e4-c3e08399cd5',
    '{39a9acb3-d628-4347-94e4-c3e08399cd5f}',
    '39a9acb3d628434794e4c3e08399cd5f',
  ])('the text %j is none', (text) => expect(guidBytes(text)).toBeUndefined());

  test('text and bytes are the same thing', () => {
    fc.assert(
      fc.property(bytes(16), (stored) => {
        const text = guidOf(stored) ?? '';
        expect(text).toBe(text.toLowerCase());
        expect(guidBytes(text)?.equals(stored)).toBe(true);
        expect(guidBytes(text.toUpperCase())?.equals(stored)).toBe(true);
      }),
    );
  });
});

describe('objectSid', () => {
  test.each([
    [
      '01 05 000000000005 15000000 01ca9a3b 02ca9a3b 03ca9a3b 01020000',
      'S-1-5-21-1000000001-1000000002-1000000003-513',
    ],
    ['01 01 000000000005 0b000000', 'S-1-5-11'],
    ['01 01 000000000001 00000000', 'S-1-1-0'],
    // Parts are unsigned, and the authority has 48 bits.
    ['01 01 ffffffffffff ffffffff', 'S-1-281474976710655-4294967295'],
    ['01 00 000000000005', 'S-1-5'],
  ])('%s', (stored, text) => {
    expect(sidOf(hex(stored))).toBe(text);
    expect(sidBytes(text)?.toString('hex')).toBe(stored.replaceAll(' ', ''));
  });

  test.each([
    '',
    '01',
    '02 01 000000000005 0b000000',
    '01 02 000000000005 0b000000',
    '01 01 000000000005 0b000000 00',
    `01 10 000000000005 ${'00'.repeat(64)}`,
  ])('the bytes "%s" are none', (stored) => expect(sidOf(hex(stored))).toBeUndefined());

  test.each(['', 'S-1', 'S-2-5-11', 'S-1-5-4294967296', 's-1-5-11', `S-1-5${'-1'.repeat(16)}`])(
    'the text %j is none',
    (text) => {
      expect(sidBytes(text)).toBeUndefined();
    },
  );

  test('a view into a larger buffer is read at its place', () => {
    expect(sidOf(hex('ffff 01 01 000000000005 0b000000 ffff').subarray(2, 14))).toBe('S-1-5-11');
  });

  test('the last part is the number within the domain', () => {
    expect(splitSid('S-1-5-21-1-2-3-513')).toEqual({ domain: 'S-1-5-21-1-2-3', rid: '513' });
  });
});

describe('FILETIME', () => {
  test.each([
    ['116444736000000000', '1970-01-01T00:00:00Z'],
    ['132223104000000000', '2020-01-01T00:00:00Z'],
    ['133801632001230000', '2025-01-01T00:00:00.123Z'],
    // Finer than a number of the language can count; what is below a millisecond is cut off, not rounded.
    ['133801632001239999', '2025-01-01T00:00:00.123Z'],
    ['1', '1601-01-01T00:00:00Z'],
    ['2650467743999999999', '9999-12-31T23:59:59.999Z'],
  ])('%s is %s', (ticks, time) => expect(fileTime(ticks)).toBe(time));

  test.each([
    '0',
    '9223372036854775807',
    '9223372036854775808',
    '2650467744000000000',
    '-1',
    '',
    ' 1',
    '1e5',
    '0x10',
    '99999999999999999999',
  ])('%j is no point in time', (ticks) => expect(fileTime(ticks)).toBeUndefined());

  test('what never comes is not past', () => {
    const now = new Date('2026-03-01T00:00:00Z');
    expect(
      ['132223104000000000', '0', '9223372036854775807', '143801632000000000'].map((ticks) =>
        isPast(ticks, now),
      ),
    ).toEqual([true, false, false, false]);
  });

  test('it is the time of the millisecond that it stands for', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1601-01-02'), max: new Date('9999-01-01'), noInvalidDate: true }),
        (date) => {
          const ticks = (BigInt(date.getTime()) + 11_644_473_600_000n) * 10_000n;
          expect(Date.parse(fileTime(String(ticks)) ?? '')).toBe(date.getTime());
        },
      ),
    );
  });

  test.each([
    ['-18000000000', 1_800_000],
    ['-9223372036854775808', undefined],
    ['18000000000', undefined],
    ['', undefined],
    ['-0', 0],
  ])('the interval %j is %s ms', (ticks, ms) => expect(intervalMs(ticks)).toBe(ms));
});

describe('generalized time', () => {
  test.each([
    ['20260302101112.0Z', '2026-03-02T10:11:12Z'],
    ['20260302101112Z', '2026-03-02T10:11:12Z'],
    ['20260302101112.5Z', '2026-03-02T10:11:12.500Z'],
    ['20260302101112,123456Z', '2026-03-02T10:11:12.123Z'],
    ['20260302101112.0+0100', '2026-03-02T09:11:12Z'],
    ['20260302001112-0530', '2026-03-02T05:41:12Z'],
    ['20260302101112+01', '2026-03-02T09:11:12Z'],
    ['202603021011Z', '2026-03-02T10:11:00Z'],
    ['202603021011.5Z', '2026-03-02T10:11:30Z'],
    ['2026030210Z', '2026-03-02T10:00:00Z'],
    ['2026030210.25Z', '2026-03-02T10:15:00Z'],
    ['20240229000000.0Z', '2024-02-29T00:00:00Z'],
    ['20161231235960Z', '2017-01-01T00:00:00Z'],
    ['16010101000000.0Z', '1601-01-01T00:00:00Z'],
  ])('%s is %s', (text, time) => expect(generalizedTime(text)).toBe(time));

  test.each([
    '',
    '20260302101112',
    '20260231000000Z',
    '20250229000000Z',
    '20261301000000Z',
    '20260302241112Z',
    '20260302106012Z',
    '20260302101112.Z',
    '20260302101112+2500',
    '99991231235959-0100',
    '2026-03-02T10:11:12Z',
    '00000101000000+0100',
  ])('%j is none', (text) => expect(generalizedTime(text)).toBeUndefined());
});

describe('userAccountControl', () => {
  test.each([
    [512, ['NORMAL_ACCOUNT'], true],
    [514, ['ACCOUNTDISABLE', 'NORMAL_ACCOUNT'], false],
    [66_048, ['NORMAL_ACCOUNT', 'DONT_EXPIRE_PASSWORD'], true],
    [66_050, ['ACCOUNTDISABLE', 'NORMAL_ACCOUNT', 'DONT_EXPIRE_PASSWORD'], false],
    [4096, ['WORKSTATION_TRUST_ACCOUNT'], true],
    [532_480, ['SERVER_TRUST_ACCOUNT', 'TRUSTED_FOR_DELEGATION'], true],
    [262_656, ['NORMAL_ACCOUNT', 'SMARTCARD_REQUIRED'], true],
    [0, [], true],
  ])('%s', (control, flags, enabled) => {
    expect(controlFlags(control)).toEqual(flags);
    expect(isEnabled(control)).toBe(enabled);
  });

  test('a domain controller is told from a member', () => {
    expect([532_480, 4096, 512].map(isDomainController)).toEqual([true, false, false]);
  });

  test.each([
    [0, { locked: false, passwordExpired: false }],
    [0x10, { locked: true, passwordExpired: false }],
    [0x80_0000, { locked: false, passwordExpired: true }],
    [0x880_0010, { locked: true, passwordExpired: true }],
  ])('computed %s', (computed, flags) => expect(computedFlags(computed)).toEqual(flags));

  test.each([
    ['512', 512],
    ['-2147483646', -2_147_483_646],
    ['4294967295', 4_294_967_295],
    ['-2147483649', undefined],
    ['4294967296', undefined],
    ['', undefined],
    ['1.5', undefined],
    ['0x2', undefined],
  ])('the number %j', (text, value) => expect(int32(text)).toBe(value));
});

describe('groupType', () => {
  test.each([
    [-2_147_483_646, 'global security'],
    [-2_147_483_644, 'domain local security'],
    [-2_147_483_640, 'universal security'],
    [-2_147_483_643, 'built-in local security'],
    [2, 'global distribution'],
    [4, 'domain local distribution'],
    [8, 'universal distribution'],
    [-2_147_483_632, 'application basic security'],
    [0x8000_0002, 'global security'],
    [0, undefined],
    [-2_147_483_648, undefined],
  ])('%s is %s', (groupType, words) => {
    expect(groupTypeWords(groupType)).toBe(words);
    if (words !== undefined) expect(isSecurityGroup(groupType)).toBe(words.endsWith('security'));
  });
});

describe('distinguished names', () => {
  test.each([
    ['', []],
    [
      'CN=Ann,DC=corp',
      [
        ['CN', 'Ann'],
        ['DC', 'corp'],
      ],
    ],
    [
      String.raw`CN=Example\, Ann,OU=a`,
      [
        ['CN', 'Example, Ann'],
        ['OU', 'a'],
      ],
    ],
    [
      String.raw`CN=Example\2C Ann,OU=a`,
      [
        ['CN', 'Example, Ann'],
        ['OU', 'a'],
      ],
    ],
    [String.raw`CN=M\C3\BCller`, [['CN', 'Müller']]],
    [String.raw`CN=\#1\+2\=3\ `, [['CN', '#1+2=3 ']]],
    [
      'CN = Ann , OU= a ',
      [
        ['CN', 'Ann'],
        ['OU', 'a'],
      ],
    ],
    [
      String.raw`CN=a\\,OU=b`,
      [
        ['CN', 'a\\'],
        ['OU', 'b'],
      ],
    ],
    [
      'CN=a+OU=b,DC=c',
      [
        ['CN', 'a'],
        ['DC', 'c'],
      ],
    ],
    ['2.5.4.3=Ann', [['2.5.4.3', 'Ann']]],
    ['CN=', [['CN', '']]],
  ])('%j has its parts', (dn, parts) => {
    expect(parseDn(dn)?.map(({ type, value }) => [type, value])).toEqual(parts);
  });

  test.each(['CN', 'CN=a,', ',CN=a', '=a', String.raw`CN=a\zb`, 'CN=a\\', 'Ann Example'])(
    '%j is none',
    (dn) => {
      expect(parseDn(dn)).toBeUndefined();
    },
  );

  test.each([
    ['CN=Ann,DC=Corp', 'cn=ann,dc=corp', true],
    [String.raw`CN=Example\, Ann`, String.raw`CN=Example\2c Ann`, true],
    ['CN=Ann, DC=corp', 'CN=Ann,DC=corp', true],
    ['CN=Ann', 'CN=Anna', false],
    [String.raw`CN=a\,DC=b`, 'CN=a,DC=b', false],
  ])('%j and %j', (one, other, same) => expect(dnKey(one) === dnKey(other)).toBe(same));

  test.each([
    ['CN=a,OU=x,DC=c', 'OU=X,dc=C', true],
    ['OU=x,DC=c', 'OU=x,DC=c', true],
    ['OU=xx,DC=c', 'OU=x,DC=c', false],
    ['DC=c', 'OU=x,DC=c', false],
    // The end of a value is no base.
    [String.raw`CN=a\,OU=x,DC=c`, 'OU=x,DC=c', false],
    ['CN=a', '', true],
  ])('%j within %j: %s', (dn, base, within) => expect(isWithin(dn, base)).toBe(within));

  test.each([
    ['CN=a,OU=x,DC=corp,DC=test', true],
    ['CN=a,dc=CORP,dc=test', true],
    ['DC=corp,DC=test', true],
    ['CN=a,DC=child,DC=corp,DC=test', false],
    ['CN=a,DC=other,DC=test', false],
    ['CN=a,DC=test', false],
    // What a domain keeps of the DNS has parts of that kind too.
    ['DC=www,DC=zone,CN=MicrosoftDNS,CN=System,DC=corp,DC=test', true],
    [String.raw`CN=a\,DC\=child,DC=corp,DC=test`, true],
    ['no name', true],
  ])('%j is of the domain itself: %s', (dn, own) => expect(isOfDomain(dn, 'DC=corp,DC=test')).toBe(own));

  test.each([
    [
      String.raw`CN=Ann\0ADEL:39a9acb3-d628-4347-94e4-c3e08399cd5f,CN=Deleted Objects,DC=c`,
      '39a9acb3-d628-4347-94e4-c3e08399cd5f',
    ],
    ['CN=Ann\nDEL:39A9ACB3-D628-4347-94E4-C3E08399CD5F,DC=c', '39a9acb3-d628-4347-94e4-c3e08399cd5f'],
    [String.raw`CN=Ann\0ADEL:39a9acb3,DC=c`, undefined],
    ['CN=Ann DEL:39a9acb3-d628-4347-94e4-c3e08399cd5f,DC=c', undefined],
    ['CN=Ann,DC=c', undefined],
  ])('the id in the name of the deleted %j', (dn, id) => expect(deletedId(dn)).toBe(id));

  test.each([
    [
      '<GUID=39a9acb3-d628-4347-94e4-c3e08399cd5f>;<SID=S-1-5-21-1-2-3-1000>;CN=Ann,DC=c',
      { dn: 'CN=Ann,DC=c', guid: '39a9acb3-d628-4347-94e4-c3e08399cd5f', sid: 'S-1-5-21-1-2-3-1000' },
    ],
    [
      '<GUID=b3aca93928d6474394e4c3e08399cd5f>;<SID=01010000000000050b000000>;CN=Ann,DC=c',
      { dn: 'CN=Ann,DC=c', guid: '39a9acb3-d628-4347-94e4-c3e08399cd5f', sid: 'S-1-5-11' },
    ],
    [
      '<GUID=39A9ACB3-D628-4347-94E4-C3E08399CD5F>;CN=a',
      { dn: 'CN=a', guid: '39a9acb3-d628-4347-94e4-c3e08399cd5f', sid: undefined },
    ],
    ['CN=<GUID=1>\\;,DC=c', { dn: 'CN=<GUID=1>\\;,DC=c', guid: undefined, sid: undefined }],
    ['<GUID=xyz>;CN=a', { dn: 'CN=a', guid: undefined, sid: undefined }],
  ])('the extended name %j', (text, parsed) => expect(parseExtendedDn(text)).toEqual(parsed));

  test('any value survives being written and read', () => {
    const value = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((text) => text.isWellFormed() && !text.includes('\0'));
    const written = (text: string) =>
      [...Buffer.from(text)].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
    fc.assert(
      fc.property(value, value, (one, other) => {
        const dn = `CN=${written(one)},OU=${written(other)}`;
        expect(parseDn(dn)?.map((rdn) => rdn.value)).toEqual([one, other]);
        expect(isWithin(dn, `ou=${written(other)}`)).toBe(true);
      }),
    );
  });
});

describe('the kind of a member', () => {
  const machine = ['top', 'person', 'organizationalPerson', 'user', 'computer'];
  test.each([
    ['805306368', machine.slice(0, 4), 'User'],
    ['805306369', machine, 'Device'],
    ['268435456', ['top', 'group'], 'Group'],
    ['536870913', ['top', 'group'], 'Group'],
    [undefined, ['top', 'person', 'organizationalPerson', 'contact'], 'Contact'],
    [undefined, ['top', 'foreignSecurityPrincipal'], undefined],
    ['805306369', [...machine, 'msDS-GroupManagedServiceAccount'], undefined],
    ['805306369', [...machine, 'msDS-ManagedServiceAccount'], undefined],
    ['805306369', [...machine, 'msDS-DelegatedManagedServiceAccount'], undefined],
  ])('of type %j and classes %j is %j', (type, classes, kind) =>
    expect(kindOf({ first: () => type, values: () => classes })).toBe(kind),
  );
});
