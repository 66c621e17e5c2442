// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from 'typebox';
import { Compile } from 'typebox/compile';

const Count = Type.Integer({ minimum: 0 });

/** The facts that every vendor's reading can have. The engine compares them, and sums them up in the record of the run. */
const CountedFactsSchema = Type.Object({
  pages: Type.Optional(Count),
  /** Rows that were read from the scope, over all attempts of the pass. */
  rows: Type.Optional(Count),
  /** The vendor's own total of the scope, from when the reading began; left out where it does not count. */
  counted: Type.Optional(Count),
  /** Rows of that total which the vendor itself no longer counted when it was asked again at the end. */
  gone: Type.Optional(Count),
  /** The last token or position, after which nothing more came. */
  last: Type.Optional(Type.String()),
  /** The vendor was asked a second time, in other words, and said again that the scope holds nothing. */
  emptyTwice: Type.Optional(Type.Boolean()),
  /**
   * Why the vendor does not have the scope for this tenant, such as a licence that it has not bought: nothing was read, without any failure. That
   * proves nothing absent: a scope in which records stand is unverified then.
   */
  notOffered: Type.Optional(Type.String()),
});
export type CountedFacts = Readonly<Static<typeof CountedFactsSchema>>;

/** Facts that show why a scope counts as read: pages, last token, count against the vendor's total, and what a vendor has besides. */
export type Evidence = CountedFacts & Readonly<Record<string, string | number | boolean>>;

const check = Compile(CountedFactsSchema);

/** The counted facts of stored evidence; of another form, from another version, it tells nothing. */
export function countedFacts(stored: unknown): CountedFacts {
  return check.Check(stored) ? stored : {};
}
