// SPDX-License-Identifier: Apache-2.0
import type { BoundStream, ReadEvent } from '../connector/contract.ts';
import { sortPage, type SortedPage } from './page.ts';

type PageEvent = Extract<ReadEvent, { type: 'page' }>;

/** A page whose rows have become records: what is left of them is what is written. */
export interface PreparedPage extends Pick<PageEvent, 'type' | 'scope' | 'checkpoint'> {
  readonly sorted: SortedPage;
  /** Rows of the page before duplicates were folded. */
  readonly fetched: number;
}

export type PreparedEvent = PreparedPage | Exclude<ReadEvent, { type: 'page' }>;

/** Turns rows into records as the pages come: pure work that needs no database, so it is done while the one before is written. */
export async function* prepared(
  stream: BoundStream,
  events: AsyncIterable<ReadEvent>,
  redact: (text: string) => string,
): AsyncGenerator<PreparedEvent, void, void> {
  for await (const event of events) {
    yield event.type === 'page' ? preparedPage(stream, event, redact) : event;
  }
}

function preparedPage(stream: BoundStream, event: PageEvent, redact: (text: string) => string): PreparedPage {
  const { type, scope, checkpoint, rows } = event;
  return { type, scope, checkpoint, sorted: sortPage(stream, event, redact), fetched: rows.length };
}
