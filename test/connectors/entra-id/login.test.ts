// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { tokenRefusal } from '../../../connectors/entra-id/token-refusal.ts';
import { certificate } from '../../kit/certificate.ts';
import { instead, throttled, unauthenticated } from '../../simulators/graph/faults.ts';
import { loginError } from '../../simulators/graph/login.ts';
import { EntraBench, clientId } from './bench.ts';

const own = certificate('client', { keys: 'RSA' });
const small = { users: 20 };

function secretOf({ cert, key }: ReturnType<typeof certificate>) {
  return { clientId, 'tls.crt': cert, 'tls.key': key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

describe('a client secret', () => {
  test('gives one token for the whole run, which only Graph sees', async () => {
    await using bench = await EntraBench.open(small);
    const status = await bench.run();
    expect(status.phase).toBe('Succeeded');
    expect(bench.graph.login.grants).toEqual([{ by: 'secret', given: true }]);
    const atLogin = bench.graph.requests.filter(({ server }) => server === 'login');
    expect(atLogin.map(({ headers }) => headers['authorization'])).toEqual([undefined]);
  });

  test('that is wrong is told by its number, once', async () => {
    await using bench = await EntraBench.open(small);
    bench.secret = { clientId, clientSecret: 'canary-of-another' };
    const status = await bench.run();
    expect(status).toMatchObject({ phase: 'Failed', failure: { code: 'credentials' } });
    expect(status.failure?.message).toMatch(/Secret inventory\/login.*clientSecret is wrong.*AADSTS7000215/u);
    expect(status.failure?.message).not.toContain('canary');
    expect(bench.graph.login.grants).toHaveLength(1);
    expect(bench.asked()).toEqual([]);
  });

  test('of an application that the tenant does not know', async () => {
    await using bench = await EntraBench.open(small);
    bench.secret = { ...bench.secret, clientId: '99999999-2222-4333-8444-555555555555' };
    expect((await bench.run()).failure).toMatchObject({ code: 'credentials', message: /AADSTS700016/u });
  });

  test('for a tenant that is none', async () => {
    await using bench = await EntraBench.open(small);
    bench.config = { tenantId: 'nobody.example.com' };
    expect((await bench.run()).failure).toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(/AADSTS90002/u) as string,
    });
  });
});

describe('a token', () => {
  test('that ends in the middle of a run is renewed once', async () => {
    await using bench = await EntraBench.open({ users: 100 });
    bench.graph.quirks.pageSize = 20;
    let revoked = false;
    const status = await bench.run({
      onPage: () => {
        if (!revoked) bench.graph.login.revoke();
        revoked = true;
      },
    });
    expect(status.phase).toBe('Succeeded');
    expect(status.stream('users')).toMatchObject({ created: 100, complete: true });
    expect(bench.graph.login.grants).toHaveLength(2);
    expect(bench.graph.requests.filter((request) => request.status === 401)).toHaveLength(1);
  });

  test('that ends before an item of a batch is answered is renewed too', async () => {
    await using bench = await EntraBench.open(small);
    await bench.run();
    for (const { id } of [...bench.graph.tenant.directory.objects.user].slice(0, 3))
      bench.graph.tenant.directory.update(id, { department: 'Moved' });
    bench.graph.faults.add({ when: ({ inBatch }) => inBatch, times: 1, answer: unauthenticated() });
    const status = await bench.run();
    expect(status.phase).toBe('Succeeded');
    expect(status.stream('users')).toMatchObject({ updated: 3 });
    expect(bench.graph.login.grants).toHaveLength(3);
  });

  test('that has run out by the clock is renewed before it is sent', async () => {
    await using bench = await EntraBench.open(small, { tokenSeconds: 600 });
    // It is good for 50 s more, less than a slow request may take.
    bench.graph.faults.add({
      when: ({ resource }) => {
        if (resource === '/groups') bench.pass(550_000);
        return false;
      },
      answer: throttled(),
    });
    expect((await bench.run()).phase).toBe('Succeeded');
    expect(bench.graph.login.grants).toHaveLength(2);
    expect(bench.graph.requests.filter((request) => request.status === 401)).toEqual([]);
  });

  test('that Graph never takes ends the run after one renewal', async () => {
    await using bench = await EntraBench.open(small);
    bench.graph.faults.add({ when: ({ resource }) => resource !== '', answer: unauthenticated() });
    const status = await bench.run();
    expect(status).toMatchObject({ phase: 'Failed', failure: { code: 'credentials' } });
    expect(status.failure?.message).toMatch(/request-id [0-9a-f-]{36}, client-request-id run-1/u);
    expect(bench.graph.login.grants).toHaveLength(2);
  });

  test('of an application without consent is not asked for again', async () => {
    await using bench = await EntraBench.open(small);
    bench.graph.isConsented = false;
    const status = await bench.run();
    expect(status.failure).toMatchObject({
      code: 'credentials',
      audience: 'administrator of the external system',
    });
    expect(status.failure?.message).toMatch(/not installed in this tenant/u);
    expect(bench.graph.login.grants).toHaveLength(1);
  });

  test('that was refused a moment after one was given is asked for once more', async () => {
    await using bench = await EntraBench.open({ users: 60 });
    bench.graph.quirks.pageSize = 20;
    let revoked = false;
    const status = await bench.run({
      onPage: () => {
        if (revoked) return;
        revoked = true;
        bench.graph.login.revoke();
        bench.graph.faults.add({
          when: ({ path }) => path.endsWith('/token'),
          times: 1,
          answer: instead(loginError(7_000_215, 'Invalid client secret provided.', bench.now)),
        });
      },
    });
    expect(status.phase).toBe('Succeeded');
  });
});

describe('a certificate', () => {
  test('logs in without any secret', async () => {
    await using bench = await EntraBench.open(small, { certificates: [own.cert] });
    bench.auth = 'Certificate';
    bench.secret = secretOf(own);
    const status = await bench.run({ mode: 'Test' });
    expect(status.phase).toBe('Succeeded');
    expect(bench.graph.login.grants).toEqual([{ by: 'certificate', given: true }]);
    const [connection] = status.checks;
    expect(connection?.message).toBe(`Certificate, valid until 2999-01-01, of ${clientId}`);
  });

  test('proves who it is anew when the endpoint asks to wait longer than a proof is good', async () => {
    await using bench = await EntraBench.open(small, { certificates: [own.cert] });
    bench.auth = 'Certificate';
    bench.secret = secretOf(own);
    bench.graph.faults.add({
      when: ({ path }) => path.endsWith('/token'),
      times: 1,
      answer: instead({ status: 429, headers: { 'retry-after': '1200' } }),
    });
    const status = await bench.run();
    expect([status.phase, status.failure]).toEqual(['Succeeded', undefined]);
    expect(bench.graph.login.grants).toEqual([{ by: 'certificate', given: true }]);
  });

  test('that the application does not know is told', async () => {
    await using bench = await EntraBench.open(small, {
      certificates: [certificate('x', { keys: 'RSA' }).cert],
    });
    bench.auth = 'Certificate';
    bench.secret = secretOf(own);
    expect((await bench.run()).failure).toMatchObject({
      code: 'credentials',
      message: expect.stringMatching(/does not know the certificate of tls\.crt.*AADSTS700027/u) as string,
    });
  });

  test('that has expired is never sent', async () => {
    await using bench = await EntraBench.open(small, { certificates: [own.cert] });
    bench.auth = 'Certificate';
    bench.secret = secretOf(certificate('old', { keys: 'RSA', until: '20260101000000Z' }));
    const status = await bench.run();
    expect(status.failure?.message).toMatch(/expired on 2026-01-01/u);
    expect(bench.graph.requests).toEqual([]);
  });

  test('that ends soon is warned of by mode Test', async () => {
    const soon = certificate('soon', { keys: 'RSA', until: '20260312100000Z' });
    await using bench = await EntraBench.open(small, { certificates: [soon.cert] });
    bench.auth = 'Certificate';
    bench.secret = secretOf(soon);
    const { checks } = await bench.run({ mode: 'Test' });
    expect(checks.find(({ name }) => name === 'certificate')).toMatchObject({
      result: 'Warning',
      message: expect.stringMatching(/^valid until 2026-03-12, 9 days/u) as string,
    });
  });
});

describe('a refusal of the login is read by its number', () => {
  const read = (status: number, body: unknown) =>
    tokenRefusal(
      { status, headers: new Map(), text: JSON.stringify(body), bytes: 0 },
      { source: 'Secret inventory/login', redact: (text) => text },
    );
  const body = (code: number, error_description = '') => ({
    error: 'x',
    error_description,
    error_codes: [code],
  });

  test.each([
    [401, 7_000_215, 'credentials', /clientSecret is wrong/u],
    [401, 7_000_222, 'credentials', /has expired/u],
    [401, 700_027, 'credentials', /upload that certificate/u],
    [401, 50_027, 'credentials', /assertion was not understood/u],
    [401, 700_024, 'credentials', /NTP/u],
    [400, 700_016, 'credentials', /no application with this clientId/u],
    [400, 7_000_229, 'credentials', /admin consent/u],
    [400, 90_002, 'configuration', /no such tenant/u],
    [400, 900_023, 'configuration', /neither a GUID nor a domain/u],
    [400, 500_011, 'configuration', /cloud and graphUrl/u],
    [400, 1_002_012, 'configuration', /graphUrl and cloud/u],
    [400, 90_033, 'unavailable', /not available for the moment/u],
  ])('%i, AADSTS%i', (status, code, failure, message) => {
    expect(read(status, body(code))).toMatchObject({ code: failure, message });
  });

  test.each([
    [401, body(1)],
    [429, body(7_000_215)],
    [503, body(7_000_215)],
    [401, { error: 'invalid_client' }],
    [401, 'no object'],
  ])('%i %j is left to the general rules', (status, given) => {
    expect(read(status, given)).toBeUndefined();
  });

  test('names the trace that support asks for', () => {
    const trace = '0f8fad5b-d9cb-469f-a165-70867728950e';
    expect(read(401, body(7_000_215, `AADSTS7000215: no.\r\nTrace ID: ${trace}`))?.message).toContain(trace);
  });
});
