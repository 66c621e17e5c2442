// SPDX-License-Identifier: Apache-2.0
import type { AuthType } from '../api/external-system.ts';
import type { Problem } from '../api/schema-problems.ts';
import type { Credentials } from './contract.ts';
import { Failure } from './failure.ts';

/** Keys whose values are no secret: names and certificates may stand in messages. */
const publicKeys: ReadonlySet<string> = new Set(['username', 'clientId', 'ca.crt', 'tls.crt']);

/**
 * Credentials from the data of a Secret (base64 by key). One trailing newline is taken off, since `echo` and editors add it
 * to files that Secrets are made from. A missing key is a failure that names the Secret and the key.
 */
export function credentialsFrom(
  type: AuthType,
  secret: {
    readonly namespace: string;
    readonly name: string;
    readonly data: Readonly<Record<string, string>>;
  },
): Credentials & { readonly secrets: readonly string[] } {
  const decoded = new Map(
    Object.entries(secret.data).map(([key, value]) => [
      key,
      Buffer.from(value, 'base64')
        .toString('utf8')
        .replace(/\r?\n$/u, ''),
    ]),
  );
  const source = `Secret ${secret.namespace}/${secret.name}`;
  const secrets = [...decoded].filter(([key]) => !publicKeys.has(key)).map(([, value]) => value);
  const names = ['username', 'clientId'].map((key) => decoded.get(key)).filter((name) => name !== undefined);
  return {
    type,
    source,
    account: decoded.get('username') ?? decoded.get('clientId') ?? source,
    // A pair is what HTTP Basic sends, in base64, where the password alone does not show.
    secrets: [...secrets, ...names.flatMap((name) => secrets.map((value) => `${name}:${value}`))],
    value(key) {
      const value = decoded.get(key);
      if (value === undefined) throw new Failure('credentials', `${source} has no key ${key}; add it`);
      if (value === '') throw new Failure('credentials', `${source}: key ${key} is empty; set it`);
      return value;
    },
    optional: (key) => decoded.get(key),
  };
}

/** What a type of login cannot do without; what one connector needs beyond that it says itself, when it connects. */
const neededKeys: Partial<Readonly<Record<AuthType, readonly string[]>>> = {
  Basic: ['username', 'password'],
  OAuth2: ['clientId', 'clientSecret'],
  Certificate: ['tls.crt', 'tls.key'],
};

/** Keys of the Secret that a type of login cannot do without. */
export function keysNeeded(type: AuthType): readonly string[] {
  return neededKeys[type] ?? [];
}

/** What a Secret lacks for a type of login, told without the external system; no value is quoted. */
export function secretLacks(type: AuthType, data: Readonly<Record<string, string>>): readonly Problem[] {
  const isSet = (key: string) => data[key] !== undefined && data[key] !== '';
  const needed = keysNeeded(type);
  const lacking = needed.filter((key) => !isSet(key));
  // Half of the password grant would silently be another grant.
  const half = type === 'OAuth2' && isSet('username') !== isSet('password');
  const grant = isSet('username') ? 'password' : 'username';
  return [
    ...lacking.map((key) => ({
      path: `data.${key}`,
      message: `is missing or empty, and auth.type ${type} needs ${needed.join(' and ')}`,
    })),
    ...(half
      ? [
          {
            path: `data.${grant}`,
            message:
              'is missing or empty; the password grant needs username and password, client credentials neither',
          },
        ]
      : []),
  ];
}

/** The failure of a Secret that is not there. */
export function missingSecret(namespace: string, name: string): Failure {
  return new Failure(
    'credentials',
    `spec.auth.secretRef.name: there is no Secret ${namespace}/${name}; create it`,
  );
}

export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}
