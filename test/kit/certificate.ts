// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

/** DER: one value with its tag and length. */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: Buffer[]) => der(0x30, ...parts);
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
const text = (value: string) => der(0x0c, Buffer.from(value));
const time = (value: string) => der(0x18, Buffer.from(value));
const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));
const rsaWithSha256 = sequence(oid('2a864886f70d01010b'), Buffer.from([0x05, 0x00]));
const commonName = (name: string) => sequence(der(0x31, sequence(oid('550403'), text(name))));
const extension = (id: string, value: Buffer) => sequence(oid(id), der(0x04, value));

export interface Issuer {
  readonly name: string;
  readonly key: KeyObject;
}

export interface Certificate extends Issuer {
  /** PEM. */
  readonly cert: string;
}

/** A certificate for tests, made anew each time so that no key lies in the repository: self-signed without an issuer. */
export function certificate(
  name: string,
  given: {
    readonly issuer?: Issuer;
    readonly authority?: boolean;
    readonly host?: string;
    readonly from?: string;
    /** IPv4 addresses that it is good for beside the host. */
    readonly addresses?: readonly string[];
    readonly until?: string;
    /** Default P-256. */
    readonly keys?: 'RSA';
  } = {},
): Certificate {
  const { privateKey: key, publicKey } =
    given.keys === 'RSA'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = given.issuer ?? { name, key };
  const algorithm = issuer.key.asymmetricKeyType === 'rsa' ? rsaWithSha256 : ecdsaWithSha256;
  const constraints = extension(
    '551d13',
    sequence(...(given.authority === true ? [der(0x01, Buffer.from([0xff]))] : [])),
  );
  const names = extension(
    '551d11',
    sequence(
      der(0x82, Buffer.from(given.host ?? 'localhost')),
      ...(given.addresses ?? []).map((address) => der(0x87, Buffer.from(address.split('.').map(Number)))),
    ),
  );
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    commonName(issuer.name),
    sequence(time(given.from ?? '20200101000000Z'), time(given.until ?? '29990101000000Z')),
    commonName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(constraints, names)),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', body, issuer.key));
  const lines =
    sequence(body, algorithm, signature)
      .toString('base64')
      .match(/.{1,64}/gu) ?? [];
  return {
    name,
    key,
    cert: ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'),
  };
}
