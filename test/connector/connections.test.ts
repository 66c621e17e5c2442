// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { connectionFailure } from '../../src/connector/connection-failure.ts';
import { certificate, type Certificate } from '../kit/certificate.ts';
import { good, opened, vendor } from './vendor.ts';

const root = certificate('a root', { authority: true });
const middle = certificate('an authority between', { authority: true, issuer: root });
const leaf = certificate('a vendor', { issuer: root });
const lone = certificate('a vendor on its own');

/** A vendor behind TLS, which shows these certificates. */
async function secured(shown: Certificate, ...chain: Certificate[]) {
  const key = shown.key.export({ type: 'pkcs8', format: 'pem' });
  const cert = [shown, ...chain].map((each) => each.cert).join('');
  const server = createServer({ key, cert }, (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(good),
  );
  server.listen(0, 'localhost');
  await once(server, 'listening');
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

describe('a certificate', () => {
  it('of a trusted authority is accepted', async () => {
    await using server = await secured(leaf);
    await using up = opened(server.url, { authorities: [root.cert] });
    expect((await up.get()).body).toEqual({ result: ['a'] });
  });

  it.each<[string, string | undefined, Certificate, ...Certificate[]]>([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', undefined, lone],
    ['SELF_SIGNED_CERT_IN_CHAIN', undefined, leaf, root],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', undefined, leaf],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', undefined, certificate('a vendor', { issuer: middle }), middle],
    ['CERT_HAS_EXPIRED', root.cert, certificate('a vendor', { issuer: root, until: '20210101000000Z' })],
  ])('with %s is untrusted, and the message says what to do', async (code, ca, ...shown) => {
    await using server = await secured(...shown);
    await using up = opened(server.url, {
      // Asked once: the test's clock would wait for ever.
      ...(ca === undefined ? {} : { authorities: [ca] }),
    });
    const { host } = new URL(server.url);
    await expect(up.get()).rejects.toMatchObject({
      code: 'unavailable',
      audience: 'owner of the ExternalSystem',
      message: expect.stringContaining(
        `the certificate of ${host} is not trusted (${code}); check spec.connector.x.url, or give its certificate authority (ca.crt in the Secret, or spec.tls.ca)`,
      ),
    });
  });

  it('for another name says for which, and what to use', async () => {
    const other = certificate('a vendor', { issuer: root, host: 'other.example.com' });
    await using server = await secured(other);
    await using up = opened(server.url, { authorities: [root.cert] });
    const { host } = new URL(server.url);
    await expect(up.get()).rejects.toMatchObject({
      code: 'unavailable',
      audience: 'owner of the ExternalSystem',
      message: expect.stringContaining(
        `the certificate of ${host} is not for that name but for DNS:other.example.com (ERR_TLS_CERT_ALTNAME_INVALID); use a name of the certificate in spec.connector.x.url`,
      ),
    });
  });

  it.each([
    'CERT_NOT_YET_VALID',
    'CERT_REVOKED',
    'CERT_SIGNATURE_FAILURE',
    'UNABLE_TO_GET_CRL',
    'INVALID_CA',
    'INVALID_PURPOSE',
    'PATH_LENGTH_EXCEEDED',
    'HOSTNAME_MISMATCH',
  ])('with %s too', (code) => {
    const error = Object.assign(new Error('x'), { code });
    expect(
      connectionFailure(error, new URL('https://a.example.com/'), {
        what: 'table x',
        urlField: 'spec.connector.x.url',
      }).message,
    ).toContain('the certificate of a.example.com is not trusted');
  });

  it('is not blamed where there is none', async () => {
    await using server = await vendor();
    await using up = opened(server.url.replace('http:', 'https:'), { maxRetries: 0 });
    await expect(up.get()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(
        /TLS with 127\.0\.0\.1:\d+ did not come about .*check spec.connector.x.url and its port/u,
      ),
    });
  });
});
