// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from 'typebox';
import { ConditionsSchema } from './conditions.ts';
import { Cron } from './cron.ts';
import { Duration } from './duration.ts';
import { HistorySchema, RetentionSchema } from './history.ts';
import { LimitsSchema } from './limits.ts';
import { MappingSchema } from './mapping.ts';
import { RoleMappingsSchema } from './role-mappings.ts';
import { LastRunSchema } from './sync-run.ts';
import { Time } from './time.ts';
import { TlsSchema } from './tls.ts';

const closed = { additionalProperties: false } as const;

export const authTypes = [
  'OAuth2',
  'Basic',
  'Certificate',
  'Token',
  'ServerToken',
  'ServiceAccountKey',
  'None',
] as const;
export type AuthType = (typeof authTypes)[number];

export const AuthSchema = Type.Object(
  {
    type: Type.Enum(authTypes, {
      description: 'How the operator proves who it is. The connector says which types it takes.',
    }),
    secretRef: Type.Optional(
      Type.Object(
        {
          name: Type.String({
            minLength: 1,
            maxLength: 253,
            description: 'Name of a Secret in the same namespace.',
          }),
        },
        {
          ...closed,
          description:
            'The Secret that holds the credentials, under the keys that Kubernetes uses (username, password, tls.crt, tls.key), and for OAuth2 clientId and clientSecret.',
        },
      ),
    ),
  },
  {
    ...closed,
    description: 'Credentials for the external system.',
    'x-kubernetes-validations': [
      {
        rule: "self.type == 'None' || has(self.secretRef)",
        message: 'secretRef is required unless type is None',
      },
    ],
  },
);

const WindowSchema = Type.Object(
  {
    start: Type.String({
      maxLength: 5,
      pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$',
      description: 'Local start, HH:MM in schedule.timeZone.',
    }),
    end: Type.String({
      maxLength: 5,
      pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$',
      description: 'Local end, HH:MM, exclusive; an end before the start is on the next day.',
    }),
    days: Type.Optional(
      Type.Array(
        Type.Enum(['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'], { description: 'Day of the week.' }),
        {
          minItems: 1,
          maxItems: 7,
          description: 'Days on which the window starts; every day when absent.',
          'x-kubernetes-list-type': 'set',
        },
      ),
    ),
  },
  { ...closed, description: 'A daily window of local time.' },
);
export type ScheduleWindow = Static<typeof WindowSchema>;

export const ScheduleSchema = Type.Object(
  {
    every: Type.Optional(
      Duration('Interval between scheduled runs; default 15m.', { min: '1m', max: '8760h' }),
    ),
    cron: Type.Optional(
      Type.Array(Cron(), {
        minItems: 1,
        maxItems: 16,
        description: 'Cron expressions instead of every; a run is due at the times of any of them.',
        'x-kubernetes-list-type': 'set',
      }),
    ),
    timeZone: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        pattern: '^[A-Za-z0-9_+/-]+$',
        description: 'IANA time zone of cron and windows; default UTC.',
      }),
    ),
    fullEvery: Type.Optional(
      Duration('At most this long between full passes; default 24h.', { min: '1m', max: '8760h' }),
    ),
    jitter: Type.Optional(
      Duration(
        'Starts are spread over this long, the same for one object every time; default 10 % of the interval, at most 5m.',
        { min: '0s', max: '24h' },
      ),
    ),
    startingDeadline: Type.Optional(
      Duration('A slot that could not start for this long is missed; default the interval.', {
        min: '10s',
        max: '8760h',
      }),
    ),
    minimumInterval: Type.Optional(
      Duration('No scheduled run starts earlier than this after the start of the one before.', {
        min: '0s',
        max: '8760h',
      }),
    ),
    windows: Type.Optional(
      Type.Object(
        {
          allow: Type.Optional(
            Type.Array(WindowSchema, {
              minItems: 1,
              maxItems: 16,
              description: 'Scheduled runs start only inside one of these.',
              'x-kubernetes-list-type': 'atomic',
            }),
          ),
          deny: Type.Optional(
            Type.Array(WindowSchema, {
              minItems: 1,
              maxItems: 16,
              description: 'No scheduled run starts inside one of these.',
              'x-kubernetes-list-type': 'atomic',
            }),
          ),
        },
        {
          ...closed,
          description: 'When scheduled runs may start; runs asked for by a person are not held back.',
        },
      ),
    ),
  },
  {
    ...closed,
    description: 'When runs start.',
    'x-kubernetes-validations': [
      { rule: '!(has(self.every) && has(self.cron))', message: 'give every or cron, not both' },
    ],
  },
);

export const DeletionSchema = Type.Object(
  {
    policy: Type.Optional(
      Type.Enum(['Tombstone', 'Keep'], {
        description: 'Tombstone (default) marks records that are proven gone; Keep never marks any.',
      }),
    ),
    budget: Type.Optional(
      Type.Object(
        {
          maxPercent: Type.Optional(
            Type.Integer({
              minimum: 0,
              maximum: 100,
              description: 'Largest share of live records that may go in 24 hours; default 20.',
            }),
          ),
          maxRecords: Type.Optional(
            Type.Integer({
              minimum: 0,
              maximum: 10_000_000,
              description: 'Largest number of records that may go in 24 hours; default 500.',
            }),
          ),
          alwaysAllow: Type.Optional(
            Type.Integer({
              minimum: 0,
              maximum: 100_000,
              description: 'Up to this many always pass, whatever their share; default 5.',
            }),
          ),
        },
        {
          ...closed,
          description:
            'Counted per scope and per system over 24 hours. A passed budget deletes nothing and says so.',
        },
      ),
    ),
  },
  { ...closed, description: 'What happens to records that the external system no longer has.' },
);

/** Everything of the spec but the connector block, whose schema the list of connectors gives. */
export const specFields = {
  auth: AuthSchema,
  schedule: Type.Optional(ScheduleSchema),
  suspend: Type.Optional(
    Type.Boolean({
      description: 'True: no scheduled runs, and other runs are skipped, except Test and Plan.',
    }),
  ),
  tls: Type.Optional(TlsSchema),
  limits: Type.Optional(LimitsSchema),
  mapping: Type.Optional(MappingSchema),
  roleMappings: Type.Optional(RoleMappingsSchema),
  deletion: Type.Optional(DeletionSchema),
  history: Type.Optional(HistorySchema),
  retention: Type.Optional(RetentionSchema),
  demo: Type.Optional(
    Type.Boolean({
      description: 'True marks every row of this system as demo data; views never mix it with real data.',
    }),
  ),
} as const;

const SpecBase = Type.Object(specFields, closed);

/** A spec as read from the cluster or a file: exactly one member in `connector`, validated by its connector. */
export type ExternalSystemSpec = Static<typeof SpecBase> & {
  readonly connector: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

export const ExternalSystemStatusSchema = Type.Object(
  {
    observedGeneration: Type.Optional(
      Type.Integer({
        minimum: -1,
        maximum: 9_007_199_254_740_991,
        description: 'Generation of the spec that this status speaks of.',
      }),
    ),
    conditions: Type.Optional(ConditionsSchema),
    nextRunTime: Type.Optional(
      Time('When the scheduled run that is due was to start, or the next one starts; jitter included.'),
    ),
    lastScheduleTime: Type.Optional(Time('Nominal time of the newest slot that got a run.')),
    lastSuccessTime: Type.Optional(Time('End of the newest run that succeeded.')),
    lastFailureTime: Type.Optional(Time('End of the newest run that failed.')),
    lastRun: Type.Optional(LastRunSchema),
    consecutiveFailures: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1_000_000_000,
        description: 'Failed runs since the newest success.',
      }),
    ),
    credentialsExpiryTime: Type.Optional(
      Time(
        'When the login ends, as the newest run that tried it saw; only of auth.type Certificate: the end of the first certificate in tls.crt.',
      ),
    ),
    lastHandledRequest: Type.Optional(
      Type.String({ maxLength: 256, description: 'Newest run-requested token that was acted on.' }),
    ),
    deletionProposal: Type.Optional(
      Type.Object(
        {
          run: Type.String({ maxLength: 253, description: 'SyncRun that found them.' }),
          digest: Type.String({ maxLength: 80, description: 'SHA-256 over the whole list.' }),
          records: Type.Integer({
            minimum: 0,
            maximum: 9_007_199_254_740_991,
            description: 'Records that wait.',
          }),
          proposedTime: Time('When they were proposed.'),
          expiryTime: Time('After it they cannot be approved any more.'),
          sample: Type.Array(Type.String({ maxLength: 128, description: 'Stream, name and id.' }), {
            maxItems: 10,
            description: 'Some of the records.',
            'x-kubernetes-list-type': 'atomic',
          }),
        },
        {
          ...closed,
          description:
            'Deletions that passed the budget and wait for the annotation approve-deletions: RUN@DIGEST.',
        },
      ),
    ),
    rowsSetAside: Type.Optional(
      Type.Array(
        Type.Object(
          {
            stream: Type.String({ maxLength: 64, description: 'Name of the stream.' }),
            rows: Type.Integer({
              minimum: 1,
              maximum: 9_007_199_254_740_991,
              description: 'Rows of it that are set aside.',
            }),
          },
          { ...closed, description: 'One stream.' },
        ),
        {
          maxItems: 32,
          description: 'Streams of which rows are set aside, the most first.',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['stream'],
        },
      ),
    ),
    chainHead: Type.Optional(
      Type.Object(
        {
          sequence: Type.Integer({
            minimum: 0,
            maximum: 9_007_199_254_740_991,
            description: 'Number of the newest record.',
          }),
          digest: Type.String({ maxLength: 80, description: 'Digest of the newest record.' }),
        },
        { ...closed, description: 'Head of the chain of run records of this system.' },
      ),
    ),
  },
  { ...closed, description: 'What the operator knows of this system.' },
);
export type ExternalSystemStatus = Static<typeof ExternalSystemStatusSchema>;
