// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isMicrosoftOwned, modeOf, toApplication } from '../../../connectors/entra-id/application-record.ts';
import {
  certificatesOf,
  hasThumbprint,
  signingCertificateOf,
  thumbprintOf,
} from '../../../connectors/entra-id/signing-certificate.ts';
import { isApplication } from '../../../connectors/entra-id/sso-applications.ts';

describe('an application', () => {
  test.each([
    ['saml', 'saml'],
    ['oidc', 'oidc'],
    ['password', 'password'],
    ['notSupported', 'none'],
    [null, 'unknown'],
    ['newMode', 'unknown'],
  ])('of mode %j is %j', (mode, ours) => {
    expect(modeOf(mode)).toBe(ours);
  });

  const thumbprint = '5FB0C5C1E3F0A4A7B1D2C3E4F5061728394A5B6C';
  const bytes = Buffer.from(thumbprint, 'hex').toString('base64');
  test.each([
    ['the bytes of the thumbprint', bytes, true],
    ['its text', Buffer.from(thumbprint).toString('base64'), true],
    ['its text in lower case', Buffer.from(thumbprint.toLowerCase()).toString('base64'), true],
    ['the SHA-256 of its text', createHash('sha256').update(thumbprint).digest('base64'), true],
    ['another', Buffer.from('another').toString('base64'), false],
    ['nothing', null, false],
    ['an empty text', '', false],
  ])('has the certificate whose identifier is %s: %j %s', (_, customKeyIdentifier, isIt) => {
    expect(hasThumbprint({ customKeyIdentifier }, thumbprint)).toBe(isIt);
    expect(hasThumbprint({ customKeyIdentifier }, thumbprint.toLowerCase())).toBe(isIt);
  });

  test('is found by the certificate itself where the identifier does not tell', () => {
    const key = Buffer.from('a certificate');
    const sha1 = createHash('sha1').update(key).digest('hex').toUpperCase();
    expect(thumbprintOf(key.toString('base64'))).toBe(sha1);
    expect(hasThumbprint({ thumbprint: sha1 }, sha1.toLowerCase())).toBe(true);
    expect([thumbprintOf(null), thumbprintOf('')]).toEqual([undefined, undefined]);
  });

  const pair = (customKeyIdentifier: string, endDateTime: string) =>
    ['Sign', 'Verify'].map((usage) => ({
      keyId: `${usage}-${endDateTime}`,
      usage,
      customKeyIdentifier,
      endDateTime,
    }));
  const old = pair('b2xk', '2026-01-01T00:00:00Z');
  const active = pair(bytes, '2027-01-01T00:00:00Z');
  const next = pair('bmV4dA==', '2029-01-01T00:00:00Z');

  test('expires with the certificate that signs, not with the one that ends first or last', () => {
    const { columns, attributes } = toApplication({
      id: 'A',
      appId: 'APP',
      displayName: 'Payroll',
      preferredSingleSignOnMode: 'saml',
      preferredTokenSigningKeyThumbprint: thumbprint,
      keyCredentials: [...old, ...active, ...next],
      passwordCredentials: [
        { customKeyIdentifier: bytes, endDateTime: '2030-01-01T00:00:00Z' },
        { endDateTime: '2026-06-01T00:00:00Z' },
        { endDateTime: '2026-05-01T00:00:00Z' },
      ],
    });
    expect(columns).toMatchObject({
      applicationId: 'app',
      mode: 'saml',
      certificateThumbprint: thumbprint,
      certificateExpiresAt: '2027-01-01T00:00:00Z',
      certificateCount: 3,
      secretCount: 2,
      secretExpiresAt: '2026-06-01T00:00:00Z',
    });
    expect(attributes['certificates']).toEqual([
      { keyId: 'Verify-2026-01-01T00:00:00Z', expiresAt: '2026-01-01T00:00:00Z' },
      { keyId: 'Verify-2027-01-01T00:00:00Z', expiresAt: '2027-01-01T00:00:00Z', signs: true },
      { keyId: 'Verify-2029-01-01T00:00:00Z', expiresAt: '2029-01-01T00:00:00Z' },
    ]);
  });

  test.each([
    ['the only one of SAML', { preferredSingleSignOnMode: 'saml', keyCredentials: old }, old[1]],
    ['none of several', { preferredSingleSignOnMode: 'saml', keyCredentials: [...old, ...next] }, undefined],
    ['none of another mode', { preferredSingleSignOnMode: 'oidc', keyCredentials: old }, undefined],
    [
      'none that the thumbprint does not name',
      { preferredTokenSigningKeyThumbprint: thumbprint, keyCredentials: old },
      undefined,
    ],
    [
      'none where there are none',
      { preferredTokenSigningKeyThumbprint: thumbprint, keyCredentials: null },
      undefined,
    ],
  ])('signs with %s', (_, row, certificate) => {
    expect(signingCertificateOf(row)).toEqual(certificate);
  });

  test.each([
    ['of one identifier', 'aWQ=', 1],
    ['without an identifier', null, 1],
    ['with an empty identifier', '', 1],
  ])('counts the two halves of a certificate %s once, which then expires with it', (_, identifier, count) => {
    const halves = pair('aWQ=', '2027-01-01T00:00:00Z').map((half) => ({
      ...half,
      customKeyIdentifier: identifier,
    }));
    const { columns } = toApplication({ id: 'a', preferredSingleSignOnMode: 'saml', keyCredentials: halves });
    expect(columns).toMatchObject({
      certificateCount: count,
      certificateExpiresAt: '2027-01-01T00:00:00Z',
    });
  });

  const half = (usage: string, keyId: string, endDateTime = '2027-01-01T00:00:00Z') => ({
    ...{ usage, keyId, endDateTime, startDateTime: '2024-01-01T00:00:00Z', customKeyIdentifier: null },
  });
  test.each([
    ['a pair', [half('Sign', 's'), half('Verify', 'v')], ['v']],
    ['a pair, the other way round', [half('Verify', 'v'), half('Sign', 's')], ['v']],
    [
      'two pairs of one time',
      [half('Sign', 's1'), half('Sign', 's2'), half('Verify', 'v1'), half('Verify', 'v2')],
      ['v1', 'v2'],
    ],
    ['two of one half', [half('Verify', 'v1'), half('Verify', 'v2')], ['v1', 'v2']],
    ['a pair and a half', [half('Sign', 's1'), half('Verify', 'v1'), half('Sign', 's2')], ['v1', 's2']],
    ['of two times', [half('Sign', 's'), half('Verify', 'v', '2028-01-01T00:00:00Z')], ['s', 'v']],
    ['of another use', [half('Sign', 's'), half('Encrypt', 'e')], ['s', 'e']],
  ])('has as many certificates as there are: %s', (_, keyCredentials, ids) => {
    expect(certificatesOf({ keyCredentials }).map(({ keyId }) => keyId)).toEqual(ids);
  });

  test('does not expire with a certificate that only encrypts', () => {
    const encrypts = half('Encrypt', 'e', '2026-03-01T00:00:00Z');
    const signs = half('Verify', 'v');
    const of = (...keyCredentials: (typeof signs)[]) =>
      signingCertificateOf({ preferredSingleSignOnMode: 'saml', keyCredentials })?.keyId;
    expect([of(encrypts), of(encrypts, signs)]).toEqual([undefined, 'v']);
  });

  test('counts as a secret no password of a certificate that has no identifier', () => {
    const passwordCredentials = [
      { keyId: 's', endDateTime: '2027-01-01T00:00:00Z' },
      { keyId: 'own', endDateTime: '2026-06-01T00:00:00Z' },
    ];
    const keyCredentials = [half('Sign', 's'), half('Verify', 'v')];
    const { columns } = toApplication({ id: 'a', keyCredentials, passwordCredentials });
    expect(columns).toMatchObject({ secretCount: 1, secretExpiresAt: '2026-06-01T00:00:00Z' });
  });

  test.each([
    ['f8cdef31-a31e-4b4a-93e4-5f571e91255a', true],
    ['72F988BF-86F1-41AF-91AB-2D7CD011DB47', true],
    ['11111111-2222-4333-8444-555555555555', false],
    [null, false],
    [undefined, false],
  ])('published by %j is Microsoft’s own: %j', (owner, own) => {
    expect(isMicrosoftOwned(owner)).toBe(own);
    expect(isApplication({ appOwnerOrganizationId: owner }, false)).toBe(!own);
    expect(isApplication({ appOwnerOrganizationId: owner }, true)).toBe(true);
  });

  test('is none that is the identity of a machine', () => {
    expect(isApplication({ servicePrincipalType: 'ManagedIdentity' }, true)).toBe(false);
  });
});
