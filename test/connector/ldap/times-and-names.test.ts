// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { authoritiesOf } from '../../../src/connector/authorities.ts';
import { checkUrl } from '../../../src/connector/address.ts';
import { credentialsFrom } from '../../../src/connector/credentials.ts';
import { escapeDnValue, escapeValue } from '../../../src/connector/ldap/filter.ts';
import { generalizedTime } from '../../../src/connector/ldap/generalized-time.ts';
import { originOf } from '../../../src/connector/origin.ts';
import { authority, trustedTls } from './kit.ts';

describe('a generalized time', () => {
  it.each([
    ['20260302101112.0Z', '2026-03-02T10:11:12.000Z'],
    ['20260302101112Z', '2026-03-02T10:11:12.000Z'],
    ['20260302101112.25Z', '2026-03-02T10:11:12.250Z'],
    ['20260302101112,5Z', '2026-03-02T10:11:12.500Z'],
    ['202603021011Z', '2026-03-02T10:11:00.000Z'],
    ['2026030210.5Z', '2026-03-02T10:30:00.000Z'],
    ['20260302101112.0+0100', '2026-03-02T09:11:12.000Z'],
    ['20260302101112-05', '2026-03-02T15:11:12.000Z'],
    ['20260302101112+0530', '2026-03-02T04:41:12.000Z'],
    ['20161231235960Z', '2017-01-01T00:00:00.000Z'],
    ['20240229000000Z', '2024-02-29T00:00:00.000Z'],
    ['16010101000000.0Z', '1601-01-01T00:00:00.000Z'],
  ])('%s is %s', (written, iso) => {
    expect(generalizedTime(written)?.toISOString()).toBe(iso);
  });

  it.each([
    '',
    '20260302101112',
    '20260230101112Z',
    '20261302101112Z',
    '2026030225Z',
    '20260302101112.Z',
    'now',
    '20260302101112+2500',
    '20250229000000Z',
  ])('"%s" is none', (written) => expect(generalizedTime(written)).toBeUndefined());
});

describe('an origin', () => {
  it.each([
    ['https://a.example.com/x?y', 'https://a.example.com'],
    ['https://a.example.com:443', 'https://a.example.com'],
    ['ldaps://DC1.corp.example.test', 'ldaps://dc1.corp.example.test:636'],
    ['ldaps://dc1.corp.example.test:636/', 'ldaps://dc1.corp.example.test:636'],
    ['ldaps://dc2.corp.example.test:636', 'ldaps://dc2.corp.example.test:636'],
    ['ldap://dc1.corp.example.test', 'ldap://dc1.corp.example.test:389'],
    ['ldaps://[::1]:1636', 'ldaps://[::1]:1636'],
  ])('of %s is %s', (url, origin) => expect(originOf(new URL(url))).toBe(origin));
});

describe('an address of a directory', () => {
  const cluster = { allowHttp: false, allowLoopback: false, remedy: 'ask' };
  it.each([
    ['ldaps://dc1.example.com', false, undefined],
    ['ldap://dc1.example.com', true, undefined],
    ['ldap://dc1.example.com', false, 'neither ldaps nor made secure by startTls'],
    ['ldaps://127.0.0.1:636', false, 'loopback or link-local'],
    ['ldaps://LocalHost:636', false, 'loopback or link-local'],
    ['ldap://[::1]', true, 'loopback or link-local'],
    ['ldaps://169.254.169.254', false, 'loopback or link-local'],
    ['ftp://dc1.example.com', true, 'is not https'],
  ])('%s with startTls %s: %s', (url, startTls, refused) => {
    const check = () => checkUrl(new URL(url), cluster, 'urls', startTls);
    if (refused === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(refused);
  });

  it('may be in the clear where plain http may be', () => {
    expect(() =>
      checkUrl(new URL('ldap://dc1.example.com'), { ...cluster, allowHttp: true }, 'urls'),
    ).not.toThrow();
  });
});

describe('certificate authorities', () => {
  const secret = (ca?: string) =>
    credentialsFrom('Basic', {
      ...{ namespace: 'inventory', name: 'login' },
      data: ca === undefined ? {} : { 'ca.crt': Buffer.from(ca).toString('base64') },
    });

  it('come from the Secret and the spec, one or several each', () => {
    expect(authoritiesOf(secret(), undefined)).toEqual([]);
    const both = authoritiesOf(secret(`# ours\n${authority.cert}${trustedTls.cert}`), authority.cert);
    expect(both).toEqual([authority.cert, trustedTls.cert, authority.cert].map((pem) => pem.trim()));
  });

  it.each([
    ['no PEM', 'MIIB', 'holds no certificate'],
    ['a broken one', authority.cert.replace(/^M.{40}/mu, 'AAAA'), 'certificate 1 of 1 cannot be read'],
    ['nothing', '', 'holds no certificate'],
  ])('that are %s are refused where they stand', (_, pem, words) => {
    expect(() => authoritiesOf(secret(pem), undefined)).toThrow(`Secret inventory/login: key ca.crt`);
    expect(() => authoritiesOf(secret(pem), undefined)).toThrow(words);
    expect(() => authoritiesOf(secret(), pem)).toThrow('spec.tls.ca');
    expect(() => authoritiesOf(secret(), pem)).toThrow(words);
  });
});

describe('escaping', () => {
  it.each([
    ['a*b(c)d\\e\0', String.raw`a\2ab\28c\29d\5ce\00`],
    ['Müller', 'Müller'],
  ])('"%s" in a filter', (plain, escaped) => expect(escapeValue(plain)).toBe(escaped));

  it.each([
    ['Doe, Jane', String.raw`Doe\, Jane`],
    [' #a"+;<>\\ ', String.raw`\ #a\"\+\;\<\>\\\ `],
    ['#1', String.raw`\#1`],
  ])('"%s" in a DN', (plain, escaped) => expect(escapeDnValue(plain)).toBe(escaped));
});
