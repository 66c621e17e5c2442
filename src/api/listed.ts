// SPDX-License-Identifier: Apache-2.0
import { bounded } from './bounded.ts';

interface Listing {
  /** Of all that there are; absent: no more than can be named. */
  readonly total?: number;
  readonly separator?: string;
  /** Characters that the text may have, enough for the count at least. */
  readonly room?: number;
}

/**
 * A list as a text that says how many it does not name: `a, b … and 37 more`. What does not fit gives way from the end and is counted;
 * of one that fits nowhere the beginning stays.
 * @throws RangeError for an empty list
 */
export function listed(items: readonly string[], listing: Listing = {}): string {
  const { total = items.length, separator = ', ', room = Infinity } = listing;
  if (items.length === 0) throw new RangeError('nothing to list');
  for (let named = items.length; ; named -= 1) {
    const names = items.slice(0, named).join(separator);
    const more = named < total ? ` … and ${total - named} more` : '';
    if (named === 1) return `${bounded(names, room - more.length)}${more}`;
    if (names.length + more.length <= room) return `${names}${more}`;
  }
}
