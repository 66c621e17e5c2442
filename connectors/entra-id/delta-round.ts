// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import { concernsStream, PageTokenExpired } from './answers.ts';
import type { DirectoryReading, ScopeEvent } from './reading.ts';
import { PageGuard, type GraphPage } from './graph.ts';
import { idIn, isObject, isSafeId, propertyOf, type Raw } from './raw-row.ts';
import { keptRows, requestOf } from './requests.ts';
import type { Session } from './session.ts';
import type { Checkpoint, Cursor } from './wire.ts';

/** More changed objects than these that cannot be read by id are no replica that lags behind. */
const maxLate = 1000;

export interface RoundRequest {
  readonly select: string;
  readonly cursor: Cursor;
  /** Where an interrupted round goes on. */
  readonly stored: Checkpoint | undefined;
}

/**
 * Reads what changed since the cursor, until the answer that holds the next delta link.
 * An entry may hold the changed properties only, and nothing tells which it leaves out; records are whole, so each changed object is read
 * again by its id. That read may come from a replica that has not heard of the change: what the entry says goes before it. What changes
 * after the entry is in the next round.
 */
export async function* readRound(
  session: Session,
  reading: DirectoryReading,
  { select, cursor, stored }: RoundRequest,
): AsyncGenerator<ScopeEvent, void, void> {
  const { scope, subject } = reading;
  const start = beginning(session, select, cursor);
  let state = stored ?? start;
  if (stored === undefined && cursor.late !== undefined) {
    // Who is not there yet, or not any more, was said to be so twice: the next full pass speaks.
    const { rows } = await wholeRows(session, reading, new Map(cursor.late.map((id) => [id, {}])));
    yield { type: 'page', scope, rows, checkpoint: state };
  }
  const guard = new PageGuard(subject);
  while (state.next !== undefined) {
    const { page, from } = await pageOf(session, subject, state, start);
    const { changed, removed, odd } = sortEntries(page.rows);
    const { rows, missing } = await wholeRows(session, reading, changed);
    state = {
      ...after(from, page, subject, guard),
      late: stillLate(from.late, [...rows.flatMap((row) => idIn(row) ?? []), ...removed], missing, subject),
    };
    yield {
      type: 'page',
      scope,
      rows: [...odd, ...rows],
      ...(removed.length === 0 ? {} : { removed }),
      checkpoint: state,
    };
  }
  const { deltaLink = cursor.deltaLink, at, rows, pages, late } = state;
  yield {
    type: 'end',
    scope,
    coverage: 'Window',
    evidence: { rows, pages, ...(late.length === 0 ? {} : { late: late.length }) },
    cursor: { deltaLink, select, at, ...(late.length === 0 ? {} : { late }) },
  };
}

/** The state of a round before its first page. */
export function beginning(session: Pick<Session, 'now'>, select: string, cursor: Cursor): Checkpoint {
  return {
    phase: 'round',
    select,
    next: cursor.deltaLink,
    at: session.now().toISOString(),
    rows: 0,
    pages: 0,
    counted: -1,
    restarts: 0,
    optional: false,
    late: [],
  };
}

/** A page of a round; a round whose page token has ended begins anew once, from the link it began with. */
export async function pageOf(
  { graph }: Session,
  subject: string,
  state: Checkpoint,
  start: Checkpoint,
): Promise<{ readonly page: GraphPage; readonly from: Checkpoint }> {
  const ask = (from: Checkpoint) => graph.page({ subject, path: from.next ?? '' });
  try {
    return { page: await ask(state), from: state };
  } catch (error) {
    if (!(error instanceof PageTokenExpired) || state.restarts > 0 || state.next === start.next) throw error;
    const from = { ...start, restarts: 1 };
    return { page: await ask(from), from };
  }
}

/** The state behind a page. Throws a contract Failure for one that neither goes on nor ends. */
export function after(from: Checkpoint, page: GraphPage, subject: string, guard: PageGuard): Checkpoint {
  // A round that begins anew gives the same pages again.
  if (from.pages === 0) guard.restart();
  const { next: _, ...others } = from;
  const state = { ...others, rows: from.rows + page.rows.length, pages: from.pages + 1 };
  if (page.deltaLink !== undefined) return { ...state, deltaLink: page.deltaLink };
  const next = guard.next(page);
  if (next !== undefined) return { ...state, next };
  throw new Failure(
    'contract',
    `${subject}: the changes end without a place to go on from; nothing is taken as read`,
  );
}

interface Entries {
  /** The last entry of each object. */
  readonly changed: ReadonlyMap<string, Raw>;
  /** Both those that may be restored and those that are gone for good: the vendor's own statement. */
  readonly removed: readonly string[];
  /** Without an id that can be read. */
  readonly odd: readonly unknown[];
}

/** Of several entries of one object the last one counts; those that change it add up. Pure. */
export function sortEntries(entries: readonly unknown[]): Entries {
  const changed = new Map<string, Raw>();
  const removed = new Set<string>();
  const odd: unknown[] = [];
  for (const entry of entries) {
    const id = idIn(entry);
    if (id === undefined || !isObject(entry)) {
      odd.push(entry);
    } else if (isObject(propertyOf(entry, '@removed'))) {
      changed.delete(id);
      removed.add(id);
    } else {
      removed.delete(id);
      changed.set(id, addedUp(changed.get(id), entry));
    }
  }
  return { changed, removed: [...removed], odd };
}

/** Properties of the later entry count; of what a relation gained and lost both lists do, in their order. */
function addedUp(before: Raw = {}, entry: Raw): Raw {
  const lists = Object.entries(entry).flatMap(([name, later]) => {
    const earlier = name.endsWith('@delta') ? propertyOf(before, name) : undefined;
    return Array.isArray(earlier) && Array.isArray(later) ? [[name, [...earlier, ...later]] as const] : [];
  });
  return { ...before, ...entry, ...Object.fromEntries(lists) };
}

interface Whole {
  readonly rows: readonly unknown[];
  /** Not found by id: not there yet at the replica that was asked, or gone since. */
  readonly missing: readonly string[];
}

/** The objects as they are, by id, in batches; without the optional property where the tenant refuses it. */
async function wholeRows(
  session: Session,
  reading: DirectoryReading,
  entries: ReadonlyMap<string, Raw>,
): Promise<Whole> {
  if (entries.size === 0) return { rows: [], missing: [] };
  let optional = reading.optional !== undefined;
  let found: Whole;
  try {
    found = await readByIds(session, reading, entries, optional);
  } catch (error) {
    if (!optional || !concernsStream(error)) throw error;
    optional = false;
    found = await readByIds(session, reading, entries, optional);
  }
  const rows = keptRows(reading, found.rows, { optional });
  return { rows: (await reading.complete?.(rows)) ?? rows, missing: found.missing };
}

async function readByIds(
  { graph }: Session,
  reading: DirectoryReading,
  entries: ReadonlyMap<string, Raw>,
  optional: boolean,
): Promise<Whole> {
  const { subject } = reading;
  const ids = [...entries.keys()];
  if (!ids.every(isSafeId))
    throw new Failure('contract', `${subject}: an object has an id that is none of the directory's form`);
  const items = ids.map((id) => ({ id, url: requestOf.single(reading, id, optional) }));
  const answers = await graph.batch(subject, items);
  const rows: unknown[] = [];
  const missing: string[] = [];
  for (const id of ids) {
    const answered = answers.get(id);
    if (answered?.status === 404) missing.push(id);
    else if (answered?.status === 200) rows.push(overlaid(reading, answered.body, entries.get(id) ?? {}));
    else if (answered !== undefined) throw graph.refusal(answered, subject);
  }
  return { rows, missing };
}

/** What the entry says goes before what was read, which may be older. Pure. */
export function overlaid(reading: DirectoryReading, whole: unknown, entry: Raw): unknown {
  if (!isObject(whole)) return whole;
  const said = reading.select.filter((name) => name !== 'id' && Object.hasOwn(entry, name));
  return {
    ...whole,
    ...Object.fromEntries(said.map((name) => [name, entry[name]])),
    ...relationOf(reading, whole, entry),
  };
}

/**
 * A relation to one object, such as the manager, in the form of an expansion: what was read by id, then each word of the entry in its order. A
 * removal takes away the one that it names and no other, since who follows may have been told of by an earlier page, or by the read.
 */
function relationOf({ expand, tracksExpanded = false }: DirectoryReading, whole: Raw, entry: Raw): Raw {
  const said = expand === undefined || !tracksExpanded ? undefined : propertyOf(entry, `${expand}@delta`);
  if (expand === undefined || !Array.isArray(said)) return {};
  let related: unknown = propertyOf(whole, expand) ?? null;
  for (const one of said as readonly unknown[]) {
    if (!isObject(propertyOf(one, '@removed'))) related = one;
    else if (idIn(one) === idIn(related)) related = null;
  }
  return { [expand]: related };
}

/** Who is still waited for behind a page: `settled` came or went with it, `missing` cannot be read by id yet. */
export function stillLate(
  before: readonly string[],
  settled: Iterable<string>,
  missing: readonly string[],
  subject: string,
): string[] {
  const known = new Set(settled);
  const late = new Set([...before.filter((id) => !known.has(id)), ...missing]);
  if (late.size > maxLate) {
    const message = `${subject}: more than ${maxLate} changed objects cannot be read by id; the changes are asked for again`;
    throw new Failure('contract', message);
  }
  return [...late];
}
