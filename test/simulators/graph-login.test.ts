// SPDX-License-Identifier: Apache-2.0
import { constants, createHash, randomUUID, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { certificate } from '../kit/certificate.ts';
import { clientId, clientSecret, GraphClient } from './graph-client.ts';

const day = 86_400_000;
const known = certificate('application', { keys: 'RSA' });
const other = certificate('application', { keys: 'RSA' });
let now: Date;
let client: GraphClient;

beforeEach(async () => {
  now = new Date('2026-03-02T10:11:12Z');
  const application = { clientId, clientSecret, certificates: [known.cert] };
  client = await GraphClient.start({ application, now: () => now, clockSkewMs: 90_000 });
});
afterEach(() => client.stop());

describe('a client secret', () => {
  test('gives a token for the tenant by its id and its domain, until it ends', async () => {
    const { status, body } = await client.grant();
    expect(status).toBe(200);
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599 });
    expect((await client.grant({}, 'contoso.example')).status).toBe(200);
    expect((await client.get('/organization')).status).toBe(200);
    now = new Date(now.getTime() + 3_598_000);
    expect((await client.get('/organization')).status).toBe(200);
    now = new Date(now.getTime() + 2_000);
    expect(await client.get('/organization')).toMatchObject({
      status: 401,
      code: 'Authentication_ExpiredToken',
    });
  });

  test('of a token shows the permissions to whoever looks', async () => {
    const payload = Buffer.from(client.token.split('.')[1] ?? '', 'base64url').toString();
    expect(JSON.parse(payload)).toMatchObject({ roles: expect.arrayContaining(['User.Read.All']) });
  });

  test('that has expired is refused, and a revoked token with it', async () => {
    client.graph.login.secretExpires = new Date(now.getTime() + day);
    expect((await client.grant()).status).toBe(200);
    now = new Date(now.getTime() + day);
    expect(await client.grant()).toMatchObject({ status: 401, code: 7_000_222 });
    now = new Date(now.getTime() - day);
    client.graph.login.revoke();
    expect((await client.get('/organization')).status).toBe(401);
  });

  test.each([
    ['a wrong secret', { client_secret: 'wrong' }, undefined, 401, 'invalid_client', 7_000_215],
    ['no credential', { client_secret: '' }, undefined, 401, 'invalid_client', 7_000_218],
    ['another client', { client_id: randomUUID() }, undefined, 400, 'unauthorized_client', 700_016],
    ['another tenant', {}, randomUUID(), 400, 'invalid_request', 90_002],
    ['a domain that is not verified', {}, 'other.example', 400, 'invalid_request', 90_002],
    ['a tenant that is neither', {}, 'contoso', 400, 'invalid_request', 900_023],
    ['another grant', { grant_type: 'password' }, undefined, 400, 'unsupported_grant_type', 70_003],
    [
      'the scope of another cloud',
      { scope: 'https://graph.microsoft.us/.default' },
      undefined,
      400,
      'invalid_scope',
      1_002_012,
    ],
    ['a scope of one permission', { scope: 'User.Read.All' }, undefined, 400, 'invalid_scope', 1_002_012],
  ])('%s is refused by its code', async (_, form, tenant, status, error, code) => {
    const refused = await client.grant(form, tenant);
    expect(refused).toMatchObject({ status, code, body: { error, timestamp: '2026-03-02 10:11:12Z' } });
    expect(refused.body['error_description']).toMatch(new RegExp(`^AADSTS${code}: .*\\r\\nTrace ID: `, 'u'));
    expect(client.graph.login.grants.at(-1)).toEqual({ by: 'secret', given: false });
  });
});

interface Changes {
  readonly header?: Record<string, unknown>;
  readonly claims?: Record<string, unknown>;
  readonly key?: KeyObject;
  readonly alg?: 'PS256' | 'RS256';
  readonly saltLength?: number;
}

function thumbprint(cert: string, algorithm: 'sha256' | 'sha1'): Buffer {
  return createHash(algorithm).update(new X509Certificate(cert).raw).digest();
}

/** An assertion as the documents describe it, with what a test changes. */
function assertion({
  header,
  claims,
  key = known.key,
  alg = 'PS256',
  saltLength = 32,
}: Changes = {}): string {
  const seconds = now.getTime() / 1000;
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const head = {
    alg,
    typ: 'JWT',
    'x5t#S256': thumbprint(known.cert, 'sha256').toString('base64url'),
    ...header,
  };
  const body = {
    aud: `${client.graph.loginUrl}/${client.graph.tenant.id}/oauth2/v2.0/token`,
    ...{ iss: clientId, sub: clientId, jti: randomUUID(), nbf: seconds, iat: seconds, exp: seconds + 300 },
    ...claims,
  };
  const data = `${part(head)}.${part(body)}`;
  const padding = alg === 'PS256' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
  return `${data}.${sign('sha256', Buffer.from(data), { key, padding, saltLength }).toString('base64url')}`;
}

function withAssertion(text: string) {
  return client.grant({
    client_secret: '',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: text,
  });
}

describe('a certificate', () => {
  test.each<[string, () => Changes]>([
    ['PS256', () => ({})],
    ['RS256, as older clients', () => ({ alg: 'RS256' })],
    [
      'the older thumbprint',
      () => ({
        header: { 'x5t#S256': undefined, x5t: thumbprint(known.cert, 'sha1').toString('base64url') },
      }),
    ],
    ['a clock that is four minutes behind', () => ({ claims: { exp: now.getTime() / 1000 - 240 } })],
  ])('gives a token: %s', async (_, changes) => {
    expect((await withAssertion(assertion(changes()))).status).toBe(200);
    expect(client.graph.login.grants.at(-1)).toEqual({ by: 'certificate', given: true });
  });

  const hex = () => thumbprint(known.cert, 'sha256').toString('hex').toUpperCase();
  test.each<[string, () => Changes, number]>([
    ['another key', () => ({ key: other.key }), 700_027],
    [
      'another certificate',
      () => ({ header: { 'x5t#S256': thumbprint(other.cert, 'sha256').toString('base64url') } }),
      700_027,
    ],
    [
      'the hex text as thumbprint',
      () => ({ header: { 'x5t#S256': Buffer.from(hex()).toString('base64url') } }),
      700_027,
    ],
    ['another salt', () => ({ saltLength: 20 }), 700_027],
    ['an algorithm that is not the one of the signature', () => ({ header: { alg: 'RS256' } }), 700_027],
    [
      'another tenant as audience',
      () => ({ claims: { aud: `${client.graph.loginUrl}/x/oauth2/v2.0/token` } }),
      50_027,
    ],
    ['another issuer', () => ({ claims: { iss: randomUUID() } }), 700_021],
    ['no id', () => ({ claims: { jti: undefined } }), 50_027],
    ['its time over', () => ({ claims: { exp: now.getTime() / 1000 - 301 } }), 700_024],
    ['its time to come', () => ({ claims: { nbf: now.getTime() / 1000 + 301 } }), 700_024],
  ])('is refused: %s', async (_, changes, code) => {
    expect(await withAssertion(assertion(changes()))).toMatchObject({ status: 401, code });
  });

  test('is refused where the assertion is none', async () => {
    expect(await withAssertion('no.token')).toMatchObject({ status: 401, code: 50_027 });
    expect(await withAssertion('no.to.ken')).toMatchObject({ status: 401, code: 50_027 });
  });
});

describe('the two servers', () => {
  test('do not answer for each other, unless they are asked to', async () => {
    const { graph } = client;
    expect(
      (await fetch(`${graph.url}/${graph.tenant.id}/oauth2/v2.0/token`, { method: 'POST' })).status,
    ).toBe(401);
    expect((await fetch(`${graph.loginUrl}/v1.0/users`)).status).toBe(404);
    await client.stop();
    client = await GraphClient.start({ oneAddress: true });
    expect(client.graph.loginUrl).toBe(client.graph.url);
    expect((await client.get('/organization')).status).toBe(200);
  });

  test('tell the time of a clock that is ahead, and give back the id of the request', async () => {
    const { headers } = await client.get('/organization', { 'client-request-id': 'asked-by-test' });
    expect(headers.get('date')).toBe('Mon, 02 Mar 2026 10:12:42 GMT');
    expect(headers.get('client-request-id')).toBe('asked-by-test');
    expect(headers.get('request-id')).toMatch(/^[\da-f-]{36}$/u);
  });

  test.each([
    ['no token', '', 401, 'InvalidAuthenticationToken'],
    ['a token of somebody else', 'Bearer eyJ', 401, 'InvalidAuthenticationToken'],
  ])('refuse %s', async (_, authorization, status, code) => {
    expect(await client.get('/users', { authorization })).toMatchObject({ status, code });
  });

  test('say that the application is not known in the tenant', async () => {
    client.graph.isConsented = false;
    expect(await client.get('/users')).toMatchObject({ status: 401, code: 'Authorization_IdentityNotFound' });
  });
});
