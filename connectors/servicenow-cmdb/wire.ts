// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from 'typebox';

/**
 * One field of a Table API row. With `sysparm_display_value=all` it is an object; some servers answer the plain stored
 * value, which is as good but has no label. Stored values are always strings, also numbers, booleans and dates.
 */
const Text = Type.Union([Type.String(), Type.Null()]);
export const Cell = Type.Union([
  Type.String(),
  /** An empty field, where a server does not answer an empty text. */
  Type.Null(),
  Type.Object({
    value: Text,
    display_value: Type.Optional(Text),
    /** Only on currency fields, such as `USD;699.99`. */
    currency_display_value: Type.Optional(Text),
  }),
]);
export type Cell = Static<typeof Cell>;

/** One row. A field that the caller may not read is missing. */
export const Row = Type.Record(Type.String({ maxLength: 256 }), Cell);
export type Row = Static<typeof Row>;

/** Answer of GET /api/now/table/{table}. Rows are validated one by one, so that a bad one does not lose the page. */
export const ListAnswer = Type.Object({ result: Type.Array(Type.Unknown()) });

/** What ServiceNow puts into the body when it refuses, or gives up in the middle of an answer with status 200. */
export const ErrorAnswer = Type.Object({
  error: Type.Union([
    Type.String(),
    Type.Object({
      message: Type.Optional(Text),
      detail: Type.Optional(Text),
    }),
  ]),
});
export type ErrorAnswer = Static<typeof ErrorAnswer>;

/** Times as stored by ServiceNow: UTC, no zone. */
export const StoredTime = Type.String({
  pattern: '^\\d{4}-\\d{2}-\\d{2} \\d{2}:\\d{2}:\\d{2}$',
  maxLength: 19,
});

/** Where the next incremental reading starts: the upper end of the window that was read. */
export const Cursor = Type.Object({ until: StoredTime }, { additionalProperties: false });
export type Cursor = Static<typeof Cursor>;

/** Where an interrupted reading goes on. */
export const Checkpoint = Type.Object(
  {
    /** Upper end of the frozen window; of a full reading the time since which changes are read once more. */
    until: StoredTime,
    /** Lower end of the window; absent when the scope is read in full. */
    since: Type.Optional(StoredTime),
    /** Table, of configuration items the class, that is being read. */
    at: Type.String({ maxLength: 128 }),
    /** sys_id of the last row read there. */
    after: Type.String({ maxLength: 32 }),
    /** Rows and pages so far, and rows the table counted when the reading began (-1: it did not say). */
    rows: Type.Integer({ minimum: 0 }),
    /** Of these rows, those that were there, unmoved, all the time. */
    steady: Type.Integer({ minimum: 0 }),
    pages: Type.Integer({ minimum: 0 }),
    counted: Type.Integer({ minimum: -1 }),
    hiddenWindows: Type.Integer({ minimum: 0 }),
    /** True once a row was found that is counted but not given. */
    hidden: Type.Boolean(),
  },
  { additionalProperties: false },
);
export type Checkpoint = Static<typeof Checkpoint>;
