// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import type { ReadEvent, ReadRequest } from '../../src/connector/contract.ts';
import { Failure } from '../../src/connector/failure.ts';
import { concernsStream, PageTokenExpired, ResyncRequired } from './answers.ts';
import { readRound } from './delta-round.ts';
import { listAll } from './listing.ts';
import { requestOf } from './requests.ts';
import type { Session } from './session.ts';
import type { Checkpoint, Cursor } from './wire.ts';

export type ScopeEvent = ReadEvent<Cursor, Checkpoint>;
export type ScopeRequest = ReadRequest<Cursor, Checkpoint>;

/** How one collection of the directory is read, and kept up with by delta queries. */
export interface DirectoryReading {
  /** The stream, and its one scope. */
  readonly scope: string;
  /** Path of the collection: `users`. */
  readonly resource: string;
  /** What is read and the permission it needs, for messages. */
  readonly subject: string;
  /** Properties, those of the mapping included. */
  readonly select: readonly string[];
  /** A relation that comes with each object, by its name: of its objects the ids are given, at most twenty. */
  readonly expand?: string;
  /** Whether a delta tracks that relation. */
  readonly tracksExpanded?: boolean;
  /** A property that some tenants refuse: its objects are then read without. */
  readonly optional?: string;
  /** A collection outside the directory, which neither counts nor tells changes: it is listed by every run. */
  readonly plain?: boolean;
  /** Which objects are records. */
  keeps?(raw: unknown): boolean;
  /** What a listing leaves out, looked up for the rows of a page. */
  complete?(rows: readonly unknown[]): Promise<readonly unknown[]>;
}

/** Delta tokens live for seven days (vendor's word); a little earlier nobody need try. */
const tokenLifeMs = 7 * 86_400_000 - 3_600_000;

/** Reads one collection as one scope: everything, or what changed since the cursor. */
export async function* readDirectory(
  session: Session,
  reading: DirectoryReading,
  request: ScopeRequest,
): AsyncGenerator<ScopeEvent, void, void> {
  const { scope } = reading;
  if (request.ended(scope)) return;
  try {
    yield* readScope(session, reading, request);
  } catch (error) {
    if (!concernsStream(error) && !(reading.plain === true && isAway(error))) throw error;
    yield { type: 'unverified', scope, failure: error };
  }
}

/** Another workload behind the same Graph may be away while the directory answers. */
function isAway(error: unknown): error is Failure {
  return error instanceof Failure && error.code === 'unavailable';
}

async function* readScope(
  session: Session,
  reading: DirectoryReading,
  request: ScopeRequest,
): AsyncGenerator<ScopeEvent, void, void> {
  const select = selectionOf(reading);
  const stored = request.checkpoint(reading.scope);
  const checkpoint = stored?.select === select ? stored : undefined;
  const cursor = usableCursor(session, request.cursor(reading.scope), select);
  if (cursor === undefined || checkpoint?.phase === 'list')
    return yield* listAll(session, reading, { select, stored: checkpoint });
  try {
    yield* readRound(session, reading, { select, cursor, stored: checkpoint });
  } catch (error) {
    if (!(error instanceof ResyncRequired || error instanceof PageTokenExpired)) throw error;
    // The service has forgotten what it told us last: everything is read, and its end lets absence speak.
    yield* listAll(session, reading, { select, stored: undefined, resync: true });
  }
}

/** A page and the properties that a reading asks for, which must be readable for the stream to be. */
export async function testReading({ graph }: Session, reading: DirectoryReading): Promise<string> {
  await graph.page(requestOf.list(reading, { pageSize: 1, optional: false }));
  if (reading.plain === true) return `${reading.resource}: readable`;
  const counted = await unlessRefused(() =>
    graph.count({ subject: reading.subject, path: reading.resource }),
  );
  const total = counted === undefined ? 'not counted' : `${counted} counted`;
  const { optional } = reading;
  if (optional === undefined) return `${reading.resource}: readable, ${total}`;
  const given = await unlessRefused(() =>
    graph.page(requestOf.list(reading, { pageSize: 1, optional: true })),
  );
  const without = given === undefined ? 'not available (AuditLog.Read.All, Premium licence)' : 'readable';
  return `${reading.resource}: readable, ${total}; ${optional} ${without}`;
}

/** For what some tenants do not have (a B2C tenant has neither delta queries nor counts): the reading does without. */
export async function unlessRefused<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (!concernsStream(error)) throw error;
    return undefined;
  }
}

/** Digest of what is asked for: another selection needs another delta link. */
export function selectionOf({ resource, select, expand, optional }: DirectoryReading): string {
  return hash('sha256', JSON.stringify([resource, select, expand, optional]), 'base64url').slice(0, 22);
}

/** The cursor, if its link fits what is asked for, leads to this Graph and may still be known there. */
export function usableCursor(
  { base, now }: Pick<Session, 'base' | 'now'>,
  cursor: Cursor | undefined,
  select: string,
): Cursor | undefined {
  if (cursor === undefined || cursor.select !== select) return undefined;
  if (URL.parse(cursor.deltaLink)?.origin !== base.origin) return undefined;
  const ageMs = now().getTime() - Date.parse(cursor.at);
  return ageMs < tokenLifeMs ? cursor : undefined;
}
