// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { failureFacts, type FailureCode } from '../../../src/api/failure.ts';
import { bindRefusal } from '../../../src/connector/ldap/bind-refusal.ts';
import { failureOfResult, resultName, saysUnbound } from '../../../src/connector/ldap/result.ts';

const redact = (text: string) => text.replaceAll('s3cret-word', '[redacted]');
const base = 'OU=People,DC=corp,DC=example,DC=test';
const result = (code: number, more: { text?: string; matchedDn?: string; referrals?: string[] } = {}) =>
  failureOfResult(
    { ...{ code, text: '', matchedDn: '', referrals: [] }, ...more },
    { what: 'users', base, redact },
  );

describe('a result code', () => {
  it.each<[number, string, FailureCode, string]>([
    [1, 'operationsError', 'contract', 'administrator of the external system'],
    [2, 'protocolError', 'contract', 'maintainer of the operator'],
    [3, 'timeLimitExceeded', 'unavailable', 'nobody'],
    [4, 'sizeLimitExceeded', 'permission', 'administrator of the external system'],
    [7, 'authMethodNotSupported', 'configuration', 'administrator of the external system'],
    [8, 'strongerAuthRequired', 'configuration', 'owner of the ExternalSystem'],
    [10, 'referral', 'configuration', 'owner of the ExternalSystem'],
    [11, 'adminLimitExceeded', 'permission', 'administrator of the external system'],
    [12, 'unavailableCriticalExtension', 'contract', 'maintainer of the operator'],
    [13, 'confidentialityRequired', 'configuration', 'owner of the ExternalSystem'],
    [16, 'noSuchAttribute', 'contract', 'maintainer of the operator'],
    [17, 'undefinedAttributeType', 'contract', 'maintainer of the operator'],
    [18, 'inappropriateMatching', 'contract', 'maintainer of the operator'],
    [21, 'invalidAttributeSyntax', 'contract', 'maintainer of the operator'],
    [32, 'noSuchObject', 'configuration', 'owner of the ExternalSystem'],
    [34, 'invalidDNSyntax', 'configuration', 'owner of the ExternalSystem'],
    [48, 'inappropriateAuthentication', 'credentials', 'owner of the Secret'],
    [50, 'insufficientAccessRights', 'permission', 'administrator of the external system'],
    [51, 'busy', 'throttled', 'nobody'],
    [52, 'unavailable', 'unavailable', 'nobody'],
    [53, 'unwillingToPerform', 'permission', 'administrator of the external system'],
    [80, 'other', 'unavailable', 'nobody'],
  ])('%i (%s) is a failure %s for %s', (code, name, failure, audience) => {
    const made = result(code, { text: 'the server says s3cret-word' });
    expect(made.code).toBe(failure);
    expect(made.audience ?? failureFacts[made.code].audience).toBe(audience);
    expect(made.resultCode).toBe(code);
    expect(made.message).toContain(`users: `);
    expect(made.message).toContain(`(${code}, ${name})`);
    expect(made.message).toContain('"the server says [redacted]"');
    expect(resultName(code)).toBe(name);
  });

  it('that nobody knows is a failure all the same, and one name for metrics', () => {
    expect(result(118)).toMatchObject({
      code: 'contract',
      message: 'users: the directory answers with result 118',
    });
    expect([resultName(118), resultName(4096)]).toEqual(['unknownResult', 'unknownResult']);
    expect([resultName(0), resultName(49)]).toEqual(['success', 'invalidCredentials']);
  });

  it('10 shows where the server points, and says why nobody goes there', () => {
    const { message } = result(10, {
      referrals: ['ldap://child.example.test/DC=child', 'ldap://b.example.test'],
    });
    expect(message).toContain('ldap://child.example.test/DC=child ldap://b.example.test; it is not followed');
    expect(message).toContain(base);
    expect(result(10).message).toContain('no URL');
  });

  it('32 names the base and the nearest that exists', () => {
    expect(result(32, { matchedDn: 'DC=example,DC=test' }).message).toContain(
      `${base}; the nearest that exists is DC=example,DC=test; correct it`,
    );
    expect(result(34).message).toContain(base);
  });

  it.each([
    [
      '000004DC: LdapErr: DSID-0C090CF8, comment: In order to perform this operation a successful bind must be completed',
      true,
    ],
    ['00002020: Operation unavailable without authentication', true],
    ['00002024: some other error', false],
  ])('1 with "%s": nobody is logged in: %s', (text, unbound) => {
    expect(saysUnbound({ code: 1, text, matchedDn: '', referrals: [] })).toBe(unbound);
    expect(result(1, { text }).code).toBe(unbound ? 'unavailable' : 'contract');
  });
});

describe('a refused bind', () => {
  const refused = (text: string) =>
    bindRefusal(text, { what: 'login at dc1:636', name: 'CORP\\sync', redact });
  const samba = (data: string) =>
    `80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data ${data}, v1db1`;

  it.each([
    ['525', 'there is no such user', 'owner of the Secret'],
    ['52e', 'wrong user name or password', 'owner of the Secret'],
    ['52f', 'restrictions of the account', 'administrator of the external system'],
    ['530', 'at this hour', 'administrator of the external system'],
    ['531', 'from this host', 'administrator of the external system'],
    ['532', 'the password has expired', 'owner of the Secret'],
    ['533', 'the account is disabled', 'administrator of the external system'],
    ['568', 'too many groups', 'administrator of the external system'],
    ['701', 'the account has expired', 'administrator of the external system'],
    ['773', 'must be changed before the first logon', 'owner of the Secret'],
    ['775', 'the account is locked', 'administrator of the external system'],
  ])('with data %s says "%s" to the %s', (data, words, audience) => {
    for (const text of [samba(data), samba(data.toUpperCase())]) {
      const made = refused(text);
      expect(made.code).toBe('credentials');
      expect(made.audience ?? failureFacts.credentials.audience).toBe(audience);
      expect(made.message).toContain(words);
      expect(made.message).toContain(`(49, data ${data}) for CORP\\sync; `);
    }
  });

  it.each([
    ['an unknown sub-code', samba('5ff'), 'data 5ff'],
    ['words of another server', 'no such account', '"no such account"'],
    ['nothing', '', '(49, invalidCredentials)'],
  ])('with %s says what it is and who must act', (_, text, words) => {
    expect(refused(text)).toMatchObject({
      code: 'credentials',
      message: expect.stringContaining(words),
    });
    expect(refused(text).message).toContain('correct username and password in the Secret');
  });
});
