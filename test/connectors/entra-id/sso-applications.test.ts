// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { garbageRows, rewritten } from '../../simulators/graph/faults.ts';
import type { GraphAsked } from '../../simulators/graph/world.ts';
import { EntraBench, clientSecret } from './bench.ts';

const applications = ({ resource }: GraphAsked) => resource === '/servicePrincipals';

interface Certificate {
  readonly customKeyIdentifier: string;
  readonly endDateTime: string;
}

test('each SAML application expires with the certificate that signs for it', async () => {
  await using bench = await EntraBench.open({ users: 20, servicePrincipals: 60 });
  await bench.run();
  const expected = [...bench.graph.tenant.directory.objects.servicePrincipal].flatMap((application) => {
    const { preferredTokenSigningKeyThumbprint: thumbprint, keyCredentials, id } = application;
    if (typeof thumbprint !== 'string' || application['servicePrincipalType'] === 'ManagedIdentity')
      return [];
    const identifier = Buffer.from(thumbprint, 'hex').toString('base64');
    const active = (keyCredentials as Certificate[]).find((one) => one.customKeyIdentifier === identifier);
    return [
      { external_id: id, certificate_expires_at: active?.endDateTime, certificate_thumbprint: thumbprint },
    ];
  });
  expected.sort((one, other) => (one.external_id < other.external_id ? -1 : 1));
  expect(expected.length).toBeGreaterThan(10);
  expect(
    bench.rows(
      `SELECT external_id, certificate_expires_at, certificate_thumbprint FROM sso_applications
       WHERE certificate_thumbprint IS NOT NULL ORDER BY external_id`,
    ),
  ).toEqual(expected);
});

test('a certificate that no identifier tells is found by itself, in one batch for all', async () => {
  await using bench = await EntraBench.open({ users: 20 });
  const { directory } = bench.graph.tenant;
  const saml = [...directory.objects.servicePrincipal].filter(
    (one) => one['preferredSingleSignOnMode'] === 'saml' && one['servicePrincipalType'] === 'Application',
  );
  for (const { id, keyCredentials } of saml) {
    const keys = keyCredentials as (Certificate & { readonly key: string | null })[];
    const last = keys.findLast(({ key }) => key !== null)?.key ?? '';
    directory.update(id, {
      keyCredentials: keys.map((one) => ({
        ...one,
        customKeyIdentifier: null,
        endDateTime: one.key === last ? '2031-01-01T00:00:00Z' : one.endDateTime,
      })),
      preferredTokenSigningKeyThumbprint: createHash('sha1')
        .update(Buffer.from(last, 'base64'))
        .digest('hex'),
    });
  }
  await bench.run();
  const found = bench.rows(
    `SELECT external_id FROM sso_applications WHERE certificate_expires_at = '2031-01-01T00:00:00Z'`,
  );
  expect(found).toHaveLength(saml.length);
  expect(bench.asked().filter((request) => request === 'POST /$batch')).toHaveLength(1);
});

test('of keys and secrets nothing is kept but their times, also of a row that is set aside', async () => {
  await using bench = await EntraBench.open({ users: 20 });
  const canary = 'canary-of-a-key-4711';
  const secrets = {
    keyCredentials: [{ keyId: 'k', key: canary, usage: 'Verify', endDateTime: '2027-01-01T00:00:00Z' }],
    passwordCredentials: [{ keyId: 'p', secretText: canary, hint: canary }],
    passwordProfile: { password: canary },
  };
  bench.graph.faults.add({
    when: applications,
    times: 1,
    answer: garbageRows({ id: 'odd', displayName: 7, ...secrets }),
  });
  bench.graph.faults.add({
    when: applications,
    answer: rewritten((page) => ({
      ...page,
      value: [{ id: 'good', displayName: 'Good', servicePrincipalType: 'Application', ...secrets }],
    })),
  });
  expect((await bench.run()).stream('ssoApplications')).toMatchObject({ failed: 1 });
  const [kept, aside] = ['SELECT * FROM sso_applications', 'SELECT * FROM quarantine'].map((sql) =>
    JSON.stringify(bench.rows(sql)),
  );
  expect(kept).toContain('2027-01-01T00:00:00Z');
  expect(aside).toContain('odd');
  for (const dump of [kept, aside]) {
    expect(dump).not.toContain(canary);
    expect(dump).not.toContain(clientSecret);
  }
});
