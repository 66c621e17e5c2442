// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { Duration } from './duration.ts';

const closed = { additionalProperties: false } as const;

export const HistorySchema = Type.Object(
  {
    successful: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1000,
        description: 'Successful runs kept in the cluster; default 10.',
      }),
    ),
    failed: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1000,
        description: 'Runs with any other outcome kept in the cluster; default 10.',
      }),
    ),
  },
  { ...closed, description: 'How many finished runs stay in the cluster. All of them stay in the archive.' },
);

export const RetentionSchema = Type.Object(
  {
    quarantine: Type.Optional(
      Duration('Rows that were set aside and have not come again for this long go; default 720h.', {
        min: '1h',
        max: '87600h',
      }),
    ),
  },
  { ...closed, description: 'How long the database keeps what is no inventory.' },
);
