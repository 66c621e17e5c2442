// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from 'typebox';
import { failureCodes } from '../../src/api/failure.ts';

/** Links hold opaque tokens of several kilobytes. */
const Link = Type.String({ minLength: 1, maxLength: 32_768 });
const Count = Type.Integer({ minimum: 0 });

/** One page of a collection or of a delta round. Rows are validated one by one, so that a bad one does not lose the page. */
export const CollectionAnswer = Type.Object({
  value: Type.Array(Type.Unknown()),
  '@odata.nextLink': Type.Optional(Link),
  '@odata.deltaLink': Type.Optional(Link),
});

/** What Graph puts into the body when it refuses. Some workloads write innererror, and nest it. */
export const ErrorAnswer = Type.Object({
  error: Type.Object({
    code: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    message: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    innerError: Type.Optional(Type.Unknown()),
    innererror: Type.Optional(Type.Unknown()),
  }),
});

/** GET /$count answers a bare number. */
export const CountAnswer = Count;

/** POST /$batch. A body is an object, or text where a gateway answered in Graph's place. */
export const BatchAnswer = Type.Object({
  responses: Type.Array(
    Type.Object({
      id: Type.String(),
      status: Type.Integer(),
      headers: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      body: Type.Optional(Type.Unknown()),
    }),
  ),
});

export const Organization = Type.Object({
  value: Type.Array(
    Type.Object({
      id: Type.String({ minLength: 1, maxLength: 64 }),
      displayName: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    }),
    { minItems: 1 },
  ),
});

const Select = Type.String({ maxLength: 64 });
const Id = Type.String({ minLength: 1, maxLength: 128 });

/** Where the next incremental reading starts. */
export const Cursor = Type.Object(
  {
    /** As the service gave it, whole. */
    deltaLink: Link,
    /** Digest of what is asked for: the link holds it too, so another selection needs another link. */
    select: Select,
    /** When the link was given, by our clock. */
    at: Type.String({ maxLength: 24 }),
    /** Objects that were said to have changed and could not be read by id yet: asked for once more. */
    late: Type.Optional(Type.Array(Id, { maxItems: 1000 })),
    /** Of memberships: groups that were deleted in the round before. */
    gone: Type.Optional(Type.Array(Id, { maxItems: 1000 })),
  },
  { additionalProperties: false },
);
export type Cursor = Static<typeof Cursor>;

/** Where an interrupted reading goes on. */
export const Checkpoint = Type.Object(
  {
    /** list: everything, page by page; round: what changed since the cursor. */
    phase: Type.Enum(['list', 'round']),
    select: Select,
    /** The next page; empty at the start, absent when the last one is stored. */
    next: Type.Optional(Type.String({ maxLength: 32_768 })),
    /** Of a list the link from before it began, with which changes go on behind it; of a round the link of its end. */
    deltaLink: Type.Optional(Link),
    /** When that link was given. */
    at: Type.String({ maxLength: 24 }),
    rows: Count,
    pages: Count,
    /** The vendor's total when the list began; -1: it does not count. */
    counted: Type.Integer({ minimum: -1 }),
    /** How often the list was begun anew, because a page token had ended. */
    restarts: Count,
    /** True while the optional properties are asked for too. */
    optional: Type.Boolean(),
    late: Type.Array(Id, { maxItems: 1000 }),
    /** Of memberships: groups that were deleted, so far in the round. */
    gone: Type.Optional(Type.Array(Id, { maxItems: 1000 })),
    /** Groups that hide their members, and of them those that gave some. */
    hidden: Type.Optional(Type.Object({ groups: Count, withMembers: Count })),
    /** Why something of rows that were given could not be told. */
    untold: Type.Optional(Type.Object({ code: Type.Enum([...failureCodes]), message: Type.String() })),
  },
  { additionalProperties: false },
);
export type Checkpoint = Static<typeof Checkpoint>;
