// SPDX-License-Identifier: Apache-2.0
import type { Evidence } from '../../src/connector/contract.ts';
import { concernsStream, hasLostItsPlace, unlessRefused } from './answers.ts';
import type { DirectoryReading, ScopeEvent } from './reading.ts';
import { eventual, followed, PageGuard, type GraphPage, type GraphRequest } from './graph.ts';
import { keptRows, requestOf } from './requests.ts';
import type { Session } from './session.ts';
import type { Checkpoint } from './wire.ts';

/** A listing whose page tokens keep ending gets nowhere. */
const maxRestarts = 3;

export interface ListRequest {
  readonly select: string;
  /** Where an interrupted listing goes on. */
  readonly stored: Checkpoint | undefined;
  /** The service has asked for it. */
  readonly resync?: boolean;
}

/**
 * Reads a collection in full, by its plain listing: whole rows, in large pages, and no index that lags behind. A delta link is asked for
 * before it begins, so that what changes meanwhile is in the next round; only a page without a next link ends it.
 */
export async function* listAll(
  session: Session,
  reading: DirectoryReading,
  { select, stored, resync = false }: ListRequest,
): AsyncGenerator<ScopeEvent, void, void> {
  const { scope, subject } = reading;
  let state = stored ?? (await begin(session, reading, select));
  const guard = new PageGuard(subject);
  while (state.next !== undefined) {
    let page: GraphPage;
    try {
      page = await session.graph.page(pageRequest(session, reading, state));
    } catch (error) {
      state = fromItsBeginning(state, error);
      guard.restart();
      continue;
    }
    const rows = keptRows(reading, page.rows, { optional: state.optional });
    const { next: _, ...others } = state;
    const next = guard.next(page);
    state = {
      ...others,
      ...(next === undefined ? {} : { next }),
      rows: state.rows + page.rows.length,
      pages: state.pages + 1,
    };
    yield { type: 'page', scope, rows: (await reading.complete?.(rows)) ?? rows, checkpoint: state };
  }
  const { deltaLink, at } = state;
  yield {
    type: 'end',
    scope,
    coverage: 'Full',
    evidence: await evidenceOf(session, reading, state, resync),
    ...(deltaLink === undefined ? {} : { cursor: { deltaLink, select, at } }),
  };
}

/** Asks for the place from which changes go on, and for the total, before the first row is read. */
async function begin(session: Session, reading: DirectoryReading, select: string): Promise<Checkpoint> {
  const at = session.now().toISOString();
  const plain = reading.plain === true;
  const deltaLink = plain ? undefined : await unlessRefused(() => latestLink(session, reading));
  const counted = plain ? undefined : await unlessRefused(() => total(session, reading));
  return {
    phase: 'list',
    select,
    next: '',
    ...(deltaLink === undefined ? {} : { deltaLink }),
    at,
    rows: 0,
    pages: 0,
    counted: counted ?? -1,
    restarts: 0,
    optional: reading.optional !== undefined,
    late: [],
  };
}

/** The delta link of now, without data. */
async function latestLink({ graph }: Session, reading: DirectoryReading): Promise<string | undefined> {
  const request = requestOf.delta(reading, { $deltatoken: 'latest' });
  const guard = new PageGuard(reading.subject);
  for (let ask: GraphRequest | undefined = request; ask !== undefined;) {
    const page: GraphPage = await graph.page(ask);
    if (page.deltaLink !== undefined) return page.deltaLink;
    const next = guard.next(page);
    ask = next === undefined ? undefined : followed(request, next);
  }
  return undefined;
}

function total({ graph }: Session, { resource, subject }: DirectoryReading): Promise<number> {
  return graph.count({ subject, path: resource });
}

function pageRequest(session: Session, reading: DirectoryReading, state: Checkpoint): GraphRequest {
  const first = requestOf.list(reading, { pageSize: session.pageSize, optional: state.optional });
  return state.next === undefined || state.next === '' ? first : followed(first, state.next);
}

/**
 * The state in which the listing begins anew: with other words, or because a token has ended. What an earlier beginning gave stays
 * written; nothing is taken from it for the proof. Changes go on from before the first beginning, so that who went in between is stated by
 * the next round. Throws the error again when that cannot help.
 */
function fromItsBeginning(state: Checkpoint, error: unknown): Checkpoint {
  const fresh = { ...state, next: '', rows: 0 };
  if (hasLostItsPlace(error)) {
    if (state.restarts >= maxRestarts || state.next === '') throw error;
    return { ...fresh, restarts: state.restarts + 1 };
  }
  // Also in the middle: licensed tenants are reported to refuse it now and then.
  if (state.optional && concernsStream(error) && error.code !== 'contract')
    return { ...fresh, optional: false };
  throw error;
}

async function evidenceOf(
  session: Session,
  reading: DirectoryReading,
  { rows, pages, counted, restarts, optional, deltaLink }: Checkpoint,
  resync: boolean,
): Promise<Evidence> {
  return {
    rows,
    pages,
    ...(counted < 0 ? {} : { counted }),
    ...(counted > rows ? await countedAgain(session, reading, counted) : {}),
    ...(rows === 0 && counted === 0 ? { emptyTwice: await isEmptyInOtherWords(session, reading) } : {}),
    ...(restarts === 0 ? {} : { restarts }),
    ...(resync ? { resync } : {}),
    ...(deltaLink === undefined && reading.plain !== true ? { delta: 'not available' } : {}),
    ...(reading.optional === undefined ? {} : { [reading.optional]: optional ? 'read' : 'not available' }),
  };
}

/** What the vendor itself no longer counts was deleted while it was read. */
async function countedAgain(
  session: Session,
  reading: DirectoryReading,
  counted: number,
): Promise<{ readonly gone?: number }> {
  const again = await unlessRefused(() => total(session, reading));
  return again === undefined || again >= counted ? {} : { gone: counted - again };
}

/** Asks the index of advanced queries, which is another than that of the listing. */
async function isEmptyInOtherWords(
  { graph }: Session,
  { resource, subject }: DirectoryReading,
): Promise<boolean> {
  const page = await unlessRefused(() =>
    graph.page({
      subject,
      path: resource,
      query: { $select: 'id', $top: '1', $count: 'true' },
      headers: eventual,
    }),
  );
  return page !== undefined && page.rows.length === 0 && page.next === undefined;
}
