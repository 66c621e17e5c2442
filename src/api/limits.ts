// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { Duration } from './duration.ts';

/** How hard one ExternalSystem may be worked. */
export const LimitsSchema = Type.Object(
  {
    requestsPerSecond: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1000,
        description: 'Upstream requests per second, shared by all runs of the account; default 10.',
      }),
    ),
    inFlight: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 32,
        description: 'Upstream requests at a time, shared by all runs of the account; default 2.',
      }),
    ),
    softTimeLimit: Type.Optional(
      Duration(
        'After this long an attempt stops at the next checkpoint; the next run goes on. Default 25m.',
        {
          min: '5s',
          max: '24h',
        },
      ),
    ),
    hardTimeLimit: Type.Optional(
      Duration('After this long an attempt is stopped wherever it is. Default 30m.', {
        min: '10s',
        max: '25h',
      }),
    ),
    pageSize: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        description: 'Records per upstream page; default chosen by the connector.',
      }),
    ),
    maxRetries: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 20,
        description: 'Times one upstream request is tried again after a transient failure; default 5.',
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'How hard the operator may press the external system, and how long a run may last.',
  },
);
