// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from 'typebox';
import { count, rowCounters } from './counters.ts';
import { Time } from './time.ts';

const closed = { additionalProperties: false } as const;

const StreamProgressSchema = Type.Object(
  {
    name: Type.String({ maxLength: 32, description: 'Stream of the connector.' }),
    ...rowCounters,
    recordsPerSecond: count('Rows read in a second, by this attempt since it began with the stream.'),
    ended: Type.Boolean({ description: 'True when this attempt is through with the stream.' }),
  },
  { ...closed, description: 'How far one stream is.' },
);

/** Only of a run that is under way: the record of its end has `streams` instead. */
export const RunProgressSchema = Type.Object(
  {
    time: Time('When this was written.'),
    streams: Type.Array(StreamProgressSchema, {
      maxItems: 32,
      description:
        'Streams in the order in which they are read. Where they are too many, those that ended first are left out; totals counts them.',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    }),
  },
  {
    ...closed,
    description:
      'How far a run is that has not ended: written now and then while a long one goes on, gone with its end.',
  },
);
export type RunProgress = Static<typeof RunProgressSchema>;
