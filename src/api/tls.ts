// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';

export const TlsSchema = Type.Object(
  {
    ca: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 32_768,
        pattern: '-----BEGIN CERTIFICATE-----',
        description:
          'Certificate authorities of the external system in PEM form, trusted beside the well-known ones; the key ca.crt of the Secret does the same.',
      }),
    ),
  },
  { additionalProperties: false, description: 'How the external system proves who it is.' },
);
