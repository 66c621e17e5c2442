// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from 'typebox';

export const Guid = Type.String({
  pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$',
  maxLength: 36,
});

/** A count of changes of one domain controller, in decimal: it may be larger than a number of the language can tell. */
const Usn = Type.String({ pattern: '^[0-9]{1,20}$', maxLength: 20 });

/**
 * One object: its values by attribute, names in lower case. Bytes of attributes that are known as such have their text form; a value that should be text
 * and is none is an object, so that it does not fit.
 */
export const ObjectRow = Type.Record(Type.String({ maxLength: 128 }), Type.Array(Type.String()));
export type ObjectRow = Static<typeof ObjectRow>;

/** Kinds of members that are told apart. */
export const memberKinds = ['User', 'Group', 'Device', 'Contact'] as const;
export type MemberKind = (typeof memberKinds)[number];

/** That an object belongs to a group. */
export const MemberRow = Type.Object({
  group: Guid,
  /** DN with ids, as the extended-DN control gives it. */
  member: Type.String({ minLength: 1, maxLength: 8192 }),
  kind: Type.Optional(Type.Enum(memberKinds)),
  /** True when the member names the group in its own entry (primaryGroupID), and is not in the list of the group. */
  primary: Type.Optional(Type.Boolean()),
});
export type MemberRow = Static<typeof MemberRow>;

/** Where one domain controller stands in its own count of changes. */
const position = {
  /** Its DNS name, lower case. */
  dc: Type.String({ minLength: 1, maxLength: 255 }),
  /** Of its database: another one after it was rebuilt or restored. */
  invocationId: Guid,
  /** All changes to here are read. */
  usn: Usn,
  /** When that was so, by the controller's clock. */
  at: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{3})?Z$', maxLength: 24 }),
};

/** Where the next incremental reading starts. */
export const Cursor = Type.Object(position, { additionalProperties: false });
export type Cursor = Static<typeof Cursor>;

/** Where an interrupted reading goes on. */
export const Checkpoint = Type.Object(
  {
    ...position,
    /** Objects whose last change is not later than this have been read. */
    after: Usn,
    /** The change after which a reading of changes began; absent when everything is read. */
    since: Type.Optional(Usn),
    /** Objects that were found, and rows that were handed on for them. */
    entries: Type.Integer({ minimum: 0 }),
    rows: Type.Integer({ minimum: 0 }),
    pages: Type.Integer({ minimum: 0 }),
  },
  { additionalProperties: false },
);
export type Checkpoint = Static<typeof Checkpoint>;
