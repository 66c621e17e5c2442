// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  broken,
  denied,
  garbageRows,
  instead,
  rewritten,
  type GraphAnswer,
} from '../../simulators/graph/faults.ts';
import { graphError } from '../../simulators/graph/reply.ts';
import type { GraphAsked } from '../../simulators/graph/world.ts';
import { RunStop } from '../../../src/sync/control.ts';
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

/** Leaves nothing by which a certificate is found but the certificate itself; the last one of each application signs, until 2031. */
function withoutIdentifiers(bench: EntraBench): string[] {
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
  return saml.map(({ id }) => id);
}

const expiring = (bench: EntraBench) =>
  bench.rows(
    `SELECT external_id FROM sso_applications WHERE certificate_expires_at = '2031-01-01T00:00:00Z'`,
  );

test('a certificate that no identifier tells is found by itself, in one batch for all', async () => {
  await using bench = await EntraBench.open({ users: 20 });
  const saml = withoutIdentifiers(bench);
  await bench.run();
  expect(expiring(bench)).toHaveLength(saml.length);
  expect(bench.asked().filter((request) => request === 'POST /$batch')).toHaveLength(1);
});

describe('a certificate that cannot be looked up', () => {
  const lookups = ({ inBatch, resource, params }: GraphAsked) =>
    inBatch && resource.startsWith('/servicePrincipals/') && params.get('$select') === 'id,keyCredentials';
  const notFound = instead(graphError(404, 'Request_ResourceNotFound', 'no'));
  const noList = rewritten((row) => ({ ...row, keyCredentials: undefined }));
  const stored = (bench: EntraBench) =>
    bench.rows(
      `SELECT external_id, certificate_starts_at, certificate_expires_at, certificate_thumbprint, certificate_count
       FROM sso_applications ORDER BY external_id`,
    );

  test.each([
    ['403', denied(), 'permission', /of \d+ applications it could not be told .*reading was refused.*403/u],
    ['404', notFound, 'unavailable', /it could not be told .*\(first [0-9a-f-]{36}: .*not found by its id/u],
    ['400', instead(graphError(400, 'Request_BadRequest', 'no')), 'configuration', /400/u],
    ['501', instead(graphError(501, 'NotImplemented', 'no')), 'configuration', /501/u],
    ['200 without a list', noList, 'contract', /no list of certificates/u],
  ])(
    'is refused with %s: what is stored of it stays, and the run says so',
    async (_, answer: GraphAnswer, code, message) => {
      await using bench = await EntraBench.open({ users: 20 });
      const saml = withoutIdentifiers(bench);
      await bench.run();
      const before = stored(bench);
      expect(expiring(bench)).toHaveLength(saml.length);
      bench.graph.tenant.directory.update(saml[0] ?? '', { displayName: 'Renamed' });
      bench.graph.faults.add({ when: lookups, answer });
      for (const mode of ['Full', 'Incremental'] as const) {
        const status = await bench.run({ mode });
        expect(stored(bench)).toEqual(before);
        expect(status).toMatchObject({ phase: 'PartiallySucceeded', failure: { code } });
        expect(status.failure?.message).toMatch(message);
        expect(status.stream('ssoApplications')).toMatchObject({ complete: false, deleted: 0 });
      }
      // What else is told of the application is not held back.
      expect(bench.rows(`SELECT name FROM sso_applications WHERE external_id = '${saml[0]}'`)).toEqual([
        { name: 'Renamed' },
      ]);
      bench.graph.faults.clear();
      expect(await bench.run({ mode: 'Full' })).toMatchObject({ phase: 'Succeeded' });
      expect(stored(bench)).toEqual(before);
    },
  );

  test('since Graph is unwell breaks the stream off, and what is stored stays', async () => {
    await using bench = await EntraBench.open({ users: 20 });
    withoutIdentifiers(bench);
    await bench.run();
    const before = stored(bench);
    bench.graph.faults.add({ when: lookups, answer: broken(503) });
    const status = await bench.run({ mode: 'Full' });
    expect(status.failure).toMatchObject({ code: 'unavailable' });
    expect(status.phase).not.toBe('Succeeded');
    expect(stored(bench)).toEqual(before);
  });

  test('of an application that is new is looked up by the next run', async () => {
    await using bench = await EntraBench.open({ users: 20 });
    const saml = withoutIdentifiers(bench);
    bench.graph.faults.add({ when: lookups, answer: notFound });
    expect((await bench.run()).phase).toBe('PartiallySucceeded');
    expect(expiring(bench)).toEqual([]);
    bench.graph.faults.clear();
    expect((await bench.run()).phase).toBe('Succeeded');
    expect(expiring(bench)).toHaveLength(saml.length);
  });

  test('that was renewed meanwhile is not told with the end of the one before', async () => {
    await using bench = await EntraBench.open({ users: 20 });
    const [id = ''] = withoutIdentifiers(bench);
    await bench.run();
    const before = stored(bench);
    const key = Buffer.from('the next certificate').toString('base64');
    const next = createHash('sha1').update('the next certificate').digest('hex').toUpperCase();
    bench.graph.tenant.directory.update(id, {
      keyCredentials: [{ keyId: 'next', usage: 'Verify', key, endDateTime: '2034-01-01T00:00:00Z' }],
      preferredTokenSigningKeyThumbprint: next,
    });
    bench.graph.faults.add({ when: lookups, answer: notFound });
    await bench.run();
    const counted = before.map((row) => (row['external_id'] === id ? { ...row, certificate_count: 1 } : row));
    expect(stored(bench)).toEqual(counted);
    bench.graph.faults.clear();
    await bench.run();
    expect(stored(bench).find((row) => row['external_id'] === id)).toMatchObject({
      certificate_expires_at: '2034-01-01T00:00:00Z',
      certificate_thumbprint: next,
    });
  });

  test('is remembered when the reading is interrupted and goes on', async () => {
    await using bench = await EntraBench.open({ users: 20, servicePrincipals: 60 });
    withoutIdentifiers(bench);
    bench.graph.quirks.pageSize = 20;
    bench.graph.faults.add({ when: lookups, answer: denied() });
    const stop = new AbortController();
    const onPage = (stream: string, pages: number) => {
      if (stream === 'ssoApplications' && pages === 1) stop.abort(new RunStop('shutdown', 'stopped'));
    };
    await expect(bench.run({ uid: 'long', signal: stop.signal, onPage })).rejects.toThrow('stopped');
    bench.graph.faults.clear();
    const status = await bench.run({ uid: 'long', attempt: 2 });
    expect(status.stream('ssoApplications')).toMatchObject({ complete: false });
    expect(status.failure).toMatchObject({ code: 'permission' });
  });

  test('since Graph gives the keys of none keeps what is stored', async () => {
    await using bench = await EntraBench.open({ users: 20 });
    withoutIdentifiers(bench);
    await bench.run();
    const before = stored(bench);
    const withoutKeys = rewritten((row) => ({
      ...row,
      keyCredentials: (row['keyCredentials'] as object[]).map((one) => ({ ...one, key: null })),
    }));
    bench.graph.faults.add({ when: lookups, answer: withoutKeys });
    await bench.run({ mode: 'Full' });
    expect(stored(bench)).toEqual(before);
  });
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
