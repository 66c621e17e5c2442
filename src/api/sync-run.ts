// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from 'typebox';
import { failureClasses, failureCodes } from './failure.ts';
import { count, rowCounters } from './counters.ts';
import { RunProgressSchema } from './run-progress.ts';
import { Time } from './time.ts';

const closed = { additionalProperties: false } as const;
export const runModes = ['Incremental', 'Full', 'Plan', 'Test'] as const;
export type RunMode = (typeof runModes)[number];
/** Whether runs of a mode change the inventory. Those of Plan and Test only look: nothing that is counted or scheduled knows of them. */
export function changesInventory(mode: RunMode): boolean {
  return mode === 'Incremental' || mode === 'Full';
}
export const runTriggers = ['Schedule', 'Manual', 'SpecChange', 'CredentialsChange'] as const;
export type RunTrigger = (typeof runTriggers)[number];
export const activePhases = ['Pending', 'Running'] as const;
export const finalPhases = ['Succeeded', 'PartiallySucceeded', 'Failed', 'Cancelled', 'Skipped'] as const;
export type FinalPhase = (typeof finalPhases)[number];
export const runPhases = [...activePhases, ...finalPhases] as const;
export type RunPhase = (typeof runPhases)[number];

/** Whether a phase is final: its status is frozen and nothing more will happen to the run. */
export function isFinal(phase: string | undefined): phase is FinalPhase {
  return finalPhases.some((name) => name === phase);
}

export const correlationIdPattern = '^[A-Za-z0-9._-]{1,64}$';

export const SyncRunSpecSchema = Type.Object(
  {
    systemRef: Type.Object(
      {
        name: Type.String({
          minLength: 1,
          maxLength: 63,
          description: 'Name of the ExternalSystem, in the same namespace.',
        }),
        uid: Type.Optional(
          Type.String({
            maxLength: 64,
            description: 'When given, the uid of the ExternalSystem must match.',
          }),
        ),
        generation: Type.Optional(
          Type.Integer({
            minimum: 1,
            maximum: 9_007_199_254_740_991,
            description: 'When given, the generation of the ExternalSystem must match.',
          }),
        ),
      },
      { ...closed, description: 'The system to run.' },
    ),
    mode: Type.Enum(runModes, {
      description:
        'Incremental reads what changed, Full reads everything and may prove records gone, Plan reads everything, changes nothing and counts what a Full run would do, Test checks connection, permissions, clock and time zone.',
    }),
    trigger: Type.Optional(
      Type.Enum(runTriggers, { description: 'Why the run exists. Absent means Manual.' }),
    ),
    scheduledTime: Type.Optional(Time('Nominal time of the slot; only on scheduled runs.')),
    correlationId: Type.Optional(
      Type.String({
        pattern: correlationIdPattern,
        maxLength: 64,
        description:
          'Sent upstream as X-Correlation-ID and written on every log line; default the uid of the run.',
      }),
    ),
    requestedBy: Type.Optional(
      Type.String({ minLength: 1, maxLength: 256, description: 'Who asked for the run.' }),
    ),
  },
  { ...closed, description: 'What to run. Frozen when created.' },
);
export type SyncRunSpec = Static<typeof SyncRunSpecSchema>;

export const FailureSchema = Type.Object(
  {
    class: Type.Enum(failureClasses, { description: 'transient, permanent or policy_violation.' }),
    code: Type.Enum(failureCodes, { description: 'What went wrong, one of a closed set.' }),
    message: Type.String({ maxLength: 512, description: 'What happened, to what, and the remedy.' }),
    audience: Type.String({ maxLength: 64, description: 'Who must act.' }),
  },
  { ...closed, description: 'Why the run did not succeed.' },
);
export type RunFailure = Static<typeof FailureSchema>;

const { fetched, created, updated, unchanged, failed } = rowCounters;
const deleted = count('Records marked as gone.');
const counters = { fetched, created, updated, unchanged, deleted, failed } as const;
export const TotalsSchema = Type.Object(counters, { ...closed, description: 'Sums over all streams.' });
export type Totals = Static<typeof TotalsSchema>;

export const StreamEvidenceSchema = Type.Object(
  {
    rows: count('Rows that were read, over all scopes.'),
    counted: Type.Optional(count("Sum of the vendor's own totals, of the scopes in which it counts.")),
    scopesCounted: count('Scopes in which the vendor counts.'),
    scopesAgreed: count(
      'Of these, those in which as many rows were read as counted, or the rest is proven gone.',
    ),
    scopesUnproven: Type.Optional(
      count(
        'Scopes that were read, but in a way that proves nothing absent: the vendor does not count, or it is said in `unproven`.',
      ),
    ),
    scopesNotOffered: Type.Optional(
      count(
        'Scopes that were not read, since the external system does not have them for this tenant, such as without a licence.',
      ),
    ),
    unproven: Type.Optional(
      Type.String({
        maxLength: 224,
        description: 'Why what is absent is not taken as gone yet, and until when; of the first such scope.',
      }),
    ),
    last: Type.Optional(
      Type.String({ maxLength: 64, description: 'Last token or position; only of a stream of one scope.' }),
    ),
    young: Type.Optional(
      count(
        'Records that were not seen, and are so new or newly changed that the external system may not show them yet: they are withheld until a later full reading.',
      ),
    ),
    probed: Type.Optional(count('Records that looked gone and were asked for by id.')),
    present: Type.Optional(count('Of these, those that are there all the same; they live.')),
    stated: Type.Optional(count('Of these, those that the vendor itself states as deleted.')),
  },
  {
    ...closed,
    description:
      'What proves the reading, summed up. Left out when the record would be too large; that of each scope is in the database.',
  },
);
export type StreamEvidence = Static<typeof StreamEvidenceSchema>;

export const StreamStatusSchema = Type.Object(
  {
    name: Type.String({ maxLength: 32, description: 'Stream of the connector.' }),
    record: Type.String({ maxLength: 32, description: 'Kind of record.' }),
    mode: Type.Optional(
      Type.Enum(['Incremental', 'Full'], {
        description:
          'How this stream was read; Full also where an Incremental run was given everything of every scope, as by a system that forgot where the run before ended.',
      }),
    ),
    complete: Type.Boolean({
      description: 'True only when the end of what was asked was verified in every scope.',
    }),
    incompleteReason: Type.Optional(Type.String({ maxLength: 128, description: 'Why complete is false.' })),
    ...counters,
    pages: count('Upstream pages read.'),
    scopesTotal: Type.Optional(count('Scopes that were asked for.')),
    scopesVerified: Type.Optional(count('Scopes whose end was verified.')),
    withdrawn: Type.Optional(
      count(
        'Rows that the configuration no longer asks for, marked as withdrawn by this run; absent when none.',
      ),
    ),
    withheld: Type.Optional(
      count(
        'Records that look gone but were kept: budget passed, proof incomplete, or too new to be missed (evidence.young).',
      ),
    ),
    evidence: Type.Optional(StreamEvidenceSchema),
  },
  { ...closed, description: 'What happened to one stream.' },
);
export type StreamStatus = Static<typeof StreamStatusSchema>;

export const UnverifiedScopeSchema = Type.Object(
  {
    stream: Type.String({ maxLength: 32, description: 'Stream.' }),
    scope: Type.String({ maxLength: 64, description: 'Scope.' }),
    reason: Type.String({ maxLength: 96, description: 'Why its end is not verified.' }),
  },
  { ...closed, description: 'A scope whose end was not verified.' },
);
/** So many a record names at most. */
export const maxNamedScopes = 10;
export type UnverifiedScope = Static<typeof UnverifiedScopeSchema>;

export const MissedSlotsSchema = Type.Object(
  {
    count: count('Slots without a run since the run before.'),
    first: Time('Oldest of them.'),
    last: Time('Newest of them.'),
  },
  { ...closed, description: 'Scheduled slots that got no run of their own.' },
);
export type MissedSlots = Static<typeof MissedSlotsSchema>;

export const actionKinds = ['adopt', 'purge-begun', 'purge-ended', 'withdraw'] as const;
export type ActionKind = (typeof actionKinds)[number];

export const CheckSchema = Type.Object(
  {
    name: Type.String({ maxLength: 32, description: 'What was looked at: connection, clock, a stream.' }),
    result: Type.Enum(['Passed', 'Warning', 'Failed'], {
      description: 'Warning: runs are possible, but something will go wrong or already does.',
    }),
    message: Type.String({ maxLength: 160, description: 'What was found, and the remedy.' }),
  },
  { ...closed, description: 'One thing that mode Test looked at.' },
);
export type Check = Static<typeof CheckSchema>;

const ActionSchema = Type.Object(
  {
    kind: Type.Enum(actionKinds, { description: 'What was done.' }),
    time: Time('When.'),
    digest: Type.String({
      maxLength: 80,
      description: 'SHA-256 of its entry in the table actions of the inventory database.',
    }),
  },
  { ...closed, description: 'What was done to the rows of the system beside its runs.' },
);

/** Four KiB at most as canonical JSON; frozen once phase is final. */
export const SyncRunStatusSchema = Type.Object(
  {
    phase: Type.Optional(Type.Enum(runPhases, { description: 'Pending, Running, or how the run ended.' })),
    startTime: Type.Optional(Time('When the first attempt started.')),
    completionTime: Type.Optional(Time('When the run ended.')),
    mode: Type.Optional(
      Type.Enum(runModes, {
        description:
          'The mode of the run, as spec.mode has it; how each stream was read says streams[].mode.',
      }),
    ),
    systemUid: Type.Optional(
      Type.String({ maxLength: 64, description: 'Uid of the ExternalSystem that was run.' }),
    ),
    systemGeneration: Type.Optional(count('Generation of the ExternalSystem that was run.')),
    worker: Type.Optional(
      Type.String({ maxLength: 128, description: 'Replica that holds or held the run.' }),
    ),
    attempt: Type.Optional(count('Number of the hold on this run; it only grows.')),
    correlationId: Type.Optional(Type.String({ maxLength: 64, description: 'Correlation id in force.' })),
    missedSlots: Type.Optional(MissedSlotsSchema),
    totals: Type.Optional(TotalsSchema),
    progress: Type.Optional(RunProgressSchema),
    streams: Type.Optional(
      Type.Array(StreamStatusSchema, {
        maxItems: 32,
        description: 'One entry per stream.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      }),
    ),
    streamsLeftOut: Type.Optional(
      count('Streams whose entries did not fit into this record; totals has their counts.'),
    ),
    checks: Type.Optional(
      Type.Array(CheckSchema, {
        maxItems: 16,
        description: 'What mode Test found, sixteen at most: those that passed give way first.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
    unverifiedScopes: Type.Optional(
      Type.Array(UnverifiedScopeSchema, {
        maxItems: maxNamedScopes,
        description:
          'Scopes whose end was not verified, ten at most: of each stream first the one that most needs a person, then the next of each.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
    unverifiedScopesTotal: Type.Optional(
      count('Scopes whose end was not verified, in all; absent when there were none, or nobody counted yet.'),
    ),
    unverifiedScopesLeftOut: Type.Optional(
      count('Of these, those that unverifiedScopes does not name; the table pass_scopes does.'),
    ),
    deletionProposal: Type.Optional(
      Type.Object(
        {
          records: count('Records that look gone.'),
          digest: Type.String({ maxLength: 80, description: 'SHA-256 over the list of them.' }),
        },
        { ...closed, description: 'Deletions that passed the budget and wait for approval.' },
      ),
    ),
    deletionApproval: Type.Optional(
      Type.Object(
        {
          token: Type.String({
            maxLength: 340,
            description: 'RUN@DIGEST of the proposal that was approved.',
          }),
          deleted: count('Records that were deleted by it.'),
        },
        { ...closed, description: 'The approval that this run used.' },
      ),
    ),
    upstream: Type.Optional(
      Type.Object(
        {
          requests: count('HTTP requests sent, retries included.'),
          bytes: count('Bytes of answers read.'),
          throttledSeconds: Type.Number({
            minimum: 0,
            maximum: 1_000_000_000,
            description: 'Seconds spent waiting because upstream asked for it.',
          }),
        },
        {
          ...closed,
          description:
            'What the last attempt cost the external system: the attempts of workers that were lost are in no count (status.attempt says how many there were).',
        },
      ),
    ),
    credentialsExpiryTime: Type.Optional(
      Time(
        'When the login of this run ends, where its credentials say so: of auth.type Certificate the end of the first certificate in tls.crt.',
      ),
    ),
    actions: Type.Optional(
      Type.Array(ActionSchema, {
        maxItems: 8,
        description: 'What was done to the rows of the system beside its runs, since the record before.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
    cpuSeconds: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1_000_000_000,
        description: 'CPU time of the process while the last attempt ran.',
      }),
    ),
    failure: Type.Optional(FailureSchema),
    sequence: Type.Optional(count('Number of this record in the chain of its system.')),
    previousDigest: Type.Optional(
      Type.String({ maxLength: 80, description: 'Digest of the record before this one.' }),
    ),
    digest: Type.Optional(
      Type.String({
        maxLength: 80,
        description: 'SHA-256 over the canonical form (RFC 8785) of the record without its digest.',
      }),
    ),
  },
  { ...closed, description: 'What happened. Frozen when phase is final.' },
);
export type SyncRunStatus = Static<typeof SyncRunStatusSchema>;

/** Part of an ExternalSystem's status: the newest run that ended. */
export const LastRunSchema = Type.Object(
  {
    name: Type.String({ maxLength: 253, description: 'Name of the SyncRun.' }),
    phase: Type.String({ maxLength: 32, description: 'How it ended.' }),
    totals: Type.Optional(TotalsSchema),
    failure: Type.Optional(FailureSchema),
  },
  { ...closed, description: 'The newest run that ended.' },
);
