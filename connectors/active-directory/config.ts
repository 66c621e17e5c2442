// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from 'typebox';

const dn = (description: string) =>
  Type.String({
    minLength: 4,
    maxLength: 512,
    pattern: '^[A-Za-z0-9.-]+ *=[^\\x00-\\x1f]+$',
    description,
  });

const bases = (what: string) =>
  Type.Optional(
    Type.Array(dn(`DN at or below baseDN, such as OU=Europe,DC=corp,DC=example,DC=com.`), {
      minItems: 1,
      maxItems: 16,
      'x-kubernetes-list-type': 'set',
      description: `Where ${what} are read, the DN and all below it. Default: baseDN. One below another is read with it. Records that a changed list leaves out are withdrawn.`,
    }),
  );

/** `spec.connector.activeDirectory`. It becomes part of the CRD, so it holds no defaults: absent switches are off. */
export const Config = Type.Object(
  {
    urls: Type.Array(
      Type.String({
        minLength: 8,
        maxLength: 300,
        pattern: '^ldaps?://([A-Za-z0-9.-]+|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?/?$',
        description: 'Address of a domain controller, such as ldaps://dc1.corp.example.com:636.',
      }),
      {
        minItems: 1,
        maxItems: 8,
        'x-kubernetes-list-type': 'atomic',
        description:
          'Domain controllers of one domain, the one to read first. The next is asked only where no connection comes about, and is then read in full once. Name controllers, not the domain: behind its name stands another one each time. No Global Catalog (3268, 3269).',
      },
    ),
    startTls: Type.Optional(
      Type.Boolean({
        description:
          'True protects ldap:// addresses with TLS by StartTLS before anything else is sent. Default false; ldaps:// has TLS in any case.',
      }),
    ),
    baseDN: dn(
      'Where the directory is read, such as DC=corp,DC=example,DC=com: the whole domain, or a part of it.',
    ),
    userBases: bases('users'),
    groupBases: bases('groups and their members'),
    computerBases: bases('computers'),
  },
  { additionalProperties: false, description: 'Microsoft Active Directory, read by LDAP.' },
);
export type Config = Static<typeof Config>;

/** The address that is asked first. */
export function firstUrl(config: Config): URL {
  return new URL(config.urls[0] ?? '');
}
