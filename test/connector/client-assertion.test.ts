// SPDX-License-Identifier: Apache-2.0
import {
  constants,
  createHash,
  generateKeyPairSync,
  verify,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { clientAssertion, signingCertificate } from '../../src/connector/client-assertion.ts';
import { credentialsFrom } from '../../src/connector/credentials.ts';
import { certificate } from '../kit/certificate.ts';

const now = new Date('2026-03-02T10:00:00Z');
const good = certificate('client', { keys: 'RSA' });
const other = certificate('other', { keys: 'RSA' });

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function secret(values: Readonly<Record<string, string>>) {
  const data = Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
  return credentialsFrom('Certificate', {
    namespace: 'inventory',
    name: 'login',
    data: Object.fromEntries(data) as Record<string, string>,
  });
}

function read(cert: string, key: string) {
  return signingCertificate(secret({ 'tls.crt': cert, 'tls.key': key }), now);
}

describe('an assertion', () => {
  const pair = read(good.cert, pem(good.key));
  const asked = { clientId: 'app', audience: 'https://login.example.com/t/oauth2/v2.0/token', now };
  const [header = '', claims = '', signature = ''] = clientAssertion(pair, asked).split('.');
  const decoded = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as object;

  test('names the certificate by the SHA-256 of its DER form, not of its text', () => {
    const { raw } = new X509Certificate(good.cert);
    const thumbprint = createHash('sha256').update(raw).digest('base64url');
    expect(decoded(header)).toEqual({ alg: 'PS256', typ: 'JWT', 'x5t#S256': thumbprint });
  });

  test('says who it is for and how long it is good, and is different each time', () => {
    const seconds = now.getTime() / 1000;
    expect(decoded(claims)).toMatchObject({
      aud: asked.audience,
      iss: 'app',
      sub: 'app',
      nbf: seconds,
      exp: seconds + 600,
    });
    expect(clientAssertion(pair, asked).split('.')[1]).not.toBe(claims);
  });

  test('is signed by RSA-PSS with a salt as long as the digest', () => {
    const { publicKey } = new X509Certificate(good.cert);
    const key = { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    const bytes = Buffer.from(signature, 'base64url');
    expect(verify('sha256', Buffer.from(`${header}.${claims}`), key, bytes)).toBe(true);
    expect(verify('sha256', Buffer.from(`${header}.${claims}x`), key, bytes)).toBe(false);
  });

  test('is made no more once the certificate has expired', () => {
    const short = certificate('short', { keys: 'RSA', until: '20260302110000Z' });
    const shortPair = read(short.cert, pem(short.key));
    const later = new Date('2026-03-02T11:00:01Z');
    expect(() => clientAssertion(shortPair, { ...asked, now: later })).toThrow(/expired on 2026-03-02/u);
  });
});

describe('a pair that is no good is told before anything is sent', () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  const curve = certificate('curve');
  const old = certificate('old', { keys: 'RSA', until: '20260101000000Z' });
  const early = certificate('early', { keys: 'RSA', from: '20270101000000Z' });
  const locked = good.key
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'canary-phrase' })
    .toString();

  test.each([
    ['no certificate', 'canary-text', pem(good.key), /tls\.crt holds no certificate in PEM form/u],
    ['no key', good.cert, 'canary-text', /tls\.key holds no private key in PEM form/u],
    ['a key with a passphrase', good.cert, locked, /without a passphrase/u],
    ['the key of another', good.cert, pem(other.key), /tls\.key is not the key of the first certificate/u],
    ['a key of a curve', curve.cert, pem(curve.key), /of type ec; make an RSA key/u],
    ['a short key', good.cert, pem(small), /has 1024 bits; make an RSA key of 2048/u],
    ['an expired one', old.cert, pem(old.key), /expired on 2026-01-01; make a new one/u],
    ['one of the future', early.cert, pem(early.key), /valid from 2027-01-01 on only/u],
  ])('%s', (_, cert, key, message) => {
    expect(() => read(cert, key)).toThrow(message);
    expect(() => read(cert, key)).toThrow(
      expect.objectContaining({
        code: 'credentials',
        message: expect.not.stringContaining('canary') as string,
      }),
    );
  });

  test('a chain counts by its first certificate', () => {
    expect(read(`${good.cert}${other.cert}`, pem(good.key)).validTo.getUTCFullYear()).toBe(2999);
    expect(() => read(`${other.cert}${good.cert}`, pem(good.key))).toThrow(/first certificate/u);
  });

  test('a key that is missing is named', () => {
    expect(() => signingCertificate(secret({ 'tls.crt': good.cert }), now)).toThrow(
      /Secret inventory\/login has no key tls\.key/u,
    );
  });
});
