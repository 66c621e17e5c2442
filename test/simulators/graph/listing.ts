// SPDX-License-Identifier: Apache-2.0
import type { Query } from './query.ts';
import { ok, refuse, type Reply } from './reply.ts';
import type { Row } from './rows.ts';
import type { Identified, Sequence } from './sequence.ts';
import type { GraphAsked, World } from './world.ts';

interface Place {
  readonly resource: string;
  readonly position: number;
  readonly page: number;
}

export interface Listing<Item extends Identified> {
  readonly source: Sequence<Item>;
  readonly context: string;
  readonly keep?: (item: Item) => boolean;
  readonly row: (item: Item) => Row;
  readonly defaultTop: number;
  readonly maximumTop: number;
  /** The vendor gives a count that nobody asked for; it is that of the page. */
  readonly countsPages?: boolean;
}

/** One page of a listing, and the link to the next. */
export function list<Item extends Identified>(
  world: World,
  asked: GraphAsked,
  query: Query,
  listing: Listing<Item>,
): Reply {
  const { source, keep = () => true } = listing;
  const place = placeOf(world, asked);
  const size = pageSize(world, query, listing);
  const { emptyPageEvery, emptyLastPage } = world.quirks;
  const isEmpty = emptyPageEvery > 0 && place.page % emptyPageEvery === emptyPageEvery - 1;
  const rows: Row[] = [];
  let { position } = place;
  const wanted = isEmpty ? 0 : size;
  for (; position < source.end && rows.length < wanted; position += 1) {
    const item = source.at(position);
    if (item !== undefined && keep(item)) rows.push(listing.row(item));
  }
  const rest = isEmpty || goesOn(source, position, keep);
  const leadsOn = rest || (rows.length > 0 && emptyLastPage.has(asked.resource));
  const next: Place = { resource: asked.resource, position, page: place.page + 1 };
  return ok({
    '@odata.context': `${asked.origin}/v1.0/$metadata#${listing.context}`,
    ...(query.counted && place.page === 0 ? { '@odata.count': countOf(source, keep) } : {}),
    ...(listing.countsPages === true && place.page === 0 ? { '@odata.count': rows.length } : {}),
    ...(leadsOn ? { '@odata.nextLink': linkTo(asked, '$skiptoken', world.pages.seal(next)) } : {}),
    value: rows,
  });
}

export function countOf<Item extends Identified>(
  source: Sequence<Item>,
  keep: (item: Item) => boolean,
): number {
  return [...source].filter(keep).length;
}

/** The same request with a token; the token stands last. */
export function linkTo(asked: GraphAsked, name: string, token: string): string {
  const kept = [...asked.params].filter(([key]) => key !== '$skiptoken' && key !== '$deltatoken');
  const query = [...kept, [name, token] as const].map(
    ([key, value]) => `${key}=${encodeURIComponent(value)}`,
  );
  return `${asked.origin}/v1.0${asked.resource}?${query.join('&')}`;
}

function placeOf(world: World, asked: GraphAsked): Place {
  const token = asked.params.get('$skiptoken');
  if (token === null) return { resource: asked.resource, position: 0, page: 0 };
  const opened = world.pages.open<Place>(token);
  if (opened === 'expired')
    refuse(400, 'Directory_ExpiredPageToken', 'The specified page token value has expired.');
  if (opened === 'unknown' || opened.state.resource !== asked.resource) {
    refuse(400, 'Request_BadRequest', 'The specified page token value is invalid.');
  }
  return opened.state;
}

function pageSize<Item extends Identified>(
  world: World,
  { top, select }: Query,
  { defaultTop, maximumTop }: Listing<Item>,
): number {
  const { quirks } = world;
  if (top !== undefined && top > maximumTop && quirks.topAbove === 'refused') {
    const said = `Invalid page size specified: '${top}'. Must be between 1 and ${maximumTop} inclusive.`;
    refuse(400, 'Request_BadRequest', said);
  }
  const wanted = Math.min(top ?? defaultTop, maximumTop, quirks.pageSize);
  return select?.includes('signInActivity') === true ? Math.min(wanted, quirks.signInPage) : wanted;
}

function goesOn<Item extends Identified>(
  source: Sequence<Item>,
  from: number,
  keep: (item: Item) => boolean,
): boolean {
  for (let position = from; position < source.end; position += 1) {
    const item = source.at(position);
    if (item !== undefined && keep(item)) return true;
  }
  return false;
}
