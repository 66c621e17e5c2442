// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../failure.ts';
import type { LdapClient, LdapControl, LdapEntry } from './client.ts';
import { ResultFailure } from './result.ts';

/** Groups of ten million members and more are no groups any more. */
const maxParts = 10_000;

export interface RangedRead {
  /** What is read, for messages. */
  readonly subject: string;
  readonly attribute: string;
  /** Of the search that gave the entry, so that all parts have one form. */
  readonly controls?: readonly LdapControl[];
  /** Where the entry is found, when not by its DN: `<GUID=…>`. */
  readonly base?: string;
}

/**
 * How a reading in parts came to its end. whole: the server said that these are the last (`member;range=1500-*`), or gave all at once. cut: it gave
 * no more where more was announced: the list has shrunk meanwhile, or the rest is withheld. gone: there is no such entry any more.
 */
export type RangedEnd = 'whole' | 'cut' | 'gone';

/**
 * All values of one attribute of an entry, part by part, where the server gives only so many at a time (MS-ADTS 3.1.1.3.1.3.3; any
 * multivalued attribute, not only `member`). `entry` is the one that came from a search: where it holds the values whole, nothing is
 * asked. Parts are counted by position, so a value that is taken away meanwhile moves others: they may come twice or not at all. Only
 * when the end is `whole` and the entry's uSNChanged is the same before and after was everything read.
 */
export async function* rangedValues(
  client: Pick<LdapClient, 'one'>,
  entry: LdapEntry,
  read: RangedRead,
): AsyncGenerator<readonly (string | Buffer)[], RangedEnd, void> {
  const { attribute, subject } = read;
  const whole = entry.values(attribute);
  if (whole.length > 0) yield whole;
  let part = entry.range(attribute);
  for (let parts = 0; part !== undefined; parts += 1) {
    if (part.values.length > 0) yield part.values;
    if (part.high === undefined) return 'whole';
    const low = part.high + 1;
    if (parts >= maxParts || part.high < part.low) {
      const message = `${subject}: the parts of ${attribute} of ${entry.dn} do not come to an end`;
      throw new Failure('contract', message);
    }
    const next = await entryFrom(client, { base: entry.dn, ...read }, low);
    if (next === undefined) return 'gone';
    part = next === 'end' ? undefined : next.range(attribute);
    if (part === undefined) return 'cut';
    if (part.low !== low) {
      const message = `${subject}: ${attribute} of ${entry.dn} was asked for from ${low} and came from ${part.low}`;
      throw new Failure('contract', message);
    }
  }
  return 'whole';
}

/** The entry with its values from one position on; undefined when there is no such entry, `end` when the server gives no more. */
async function entryFrom(
  client: Pick<LdapClient, 'one'>,
  { subject, base, attribute, controls = [] }: RangedRead & { readonly base: string },
  low: number,
): Promise<LdapEntry | 'end' | undefined> {
  const attributes = [`${attribute};range=${low}-*`];
  try {
    return await client.one({ subject, base, filter: '(objectClass=*)', attributes, controls });
  } catch (error) {
    // A start beyond the end, after the list has shrunk: some servers give the entry without the attribute, others this.
    if (error instanceof ResultFailure && error.resultCode === 1 && error.code === 'contract') return 'end';
    throw error;
  }
}
