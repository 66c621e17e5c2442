// SPDX-License-Identifier: Apache-2.0
import type { LdapClient, LdapControl, LdapEntry } from '../../src/connector/ldap/client.ts';

/** A search of which each page tells how far the walk has come. */
export interface WalkedSearch {
  readonly subject: string;
  readonly base: string;
  /** In brackets. */
  readonly filter: string;
  readonly attributes: readonly string[];
  readonly controls: readonly LdapControl[];
  readonly pageSize: number;
}

export interface WalkProgress {
  /** Objects whose last change is not later than this have been given. */
  readonly after: bigint;
  readonly entries: number;
  readonly pages: number;
}

export interface WalkedPage {
  readonly entries: readonly LdapEntry[];
  /** Where a later walk goes on when this page is kept. */
  readonly progress: WalkProgress;
}

/** So many pages a window should hold: each is a search of its own, and a place to go on from. */
const pagesPerWindow = 4n;
/** At least so many windows, where there are that many changes: a wider one would be read again from its start. */
const firstWindows = 8n;

/**
 * Everything that a search finds, in windows of `uSNChanged`, the number of the last change of an object. It only grows, so an ascending walk meets what
 * changes meanwhile again further on: the last window has no upper end. What was read of a window that was not finished is read again.
 */
export async function* walk(
  client: LdapClient,
  search: WalkedSearch,
  from: WalkProgress,
  /** The highest change there was when the reading began. */
  highest: bigint,
): AsyncGenerator<WalkedPage, WalkProgress, void> {
  const target = BigInt(search.pageSize) * pagesPerWindow;
  let { after, entries, pages } = from;
  const first = larger((highest - after) / firstWindows, target);
  let width = first;
  for (let isLast = false; !isLast;) {
    const until = after + width;
    isLast = until >= highest;
    const filter = windowFilter(search.filter, after, isLast ? undefined : until);
    let ofWindow = 0;
    for await (const page of client.pages({ ...search, scope: 'sub', filter })) {
      // Begun anew, its entries come again.
      ofWindow = (page.start ? 0 : ofWindow) + page.entries.length;
      pages++;
      yield { entries: page.entries, progress: { after, entries: entries + ofWindow, pages } };
    }
    entries += ofWindow;
    after = isLast ? highest : until;
    width = nextWidth(width, BigInt(ofWindow), target, first);
  }
  return { after, entries, pages };
}

function windowFilter(filter: string, after: bigint, until: bigint | undefined): string {
  const upper = until === undefined ? '' : `(uSNChanged<=${until})`;
  return `(&${filter}(uSNChanged>=${after + 1n})${upper})`;
}

/** Pure. Numbers of changes are unevenly spread: most belong to objects that changed again since. */
export function nextWidth(width: bigint, found: bigint, target: bigint, first: bigint): bigint {
  if (found * 4n < target) return smaller(width * 2n, first);
  // A window of so many numbers holds no more objects than that.
  return found > target * 2n ? larger(width / 2n, target) : width;
}

function larger(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

function smaller(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}
