// SPDX-License-Identifier: Apache-2.0
import type { ReadEvent, ReadRequest } from '../../src/connector/contract.ts';
import type { Evidence } from '../../src/connector/evidence.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { LdapEntry } from '../../src/connector/ldap/client.ts';
import type { Base } from './bases.ts';
import { checkSameController, cursorOf, whyNotFrom, type Position } from './controller.ts';
import { dnKey } from './distinguished-name.ts';
import { scopeFailure } from './scope-failure.ts';
import type { Session } from './session.ts';
import { walk, type WalkProgress } from './walk.ts';
import type { Checkpoint, Cursor } from './wire.ts';

export type ScopeEvent = ReadEvent<Cursor, Checkpoint>;
type Request = ReadRequest<Cursor, Checkpoint>;

/** What is read of one base. */
export interface ScopeReading {
  /** Name of the scope: of all that narrows it. */
  readonly scope: string;
  readonly base: Base;
  /** What is looked for, in words: users. */
  readonly what: string;
  readonly filter: string;
  /** The same by other signs, for a second question where the first found nothing. */
  readonly otherFilter: string;
  /** What must be missing for that question: objects, or rows, as of groups that have no members. */
  readonly emptyOf: 'entries' | 'rows';
  readonly attributes: readonly string[];
  readonly pageSize: number;
  /** What is handed on for the entries of a page; `changed` is false when everything is read. */
  pagesOf(entries: readonly LdapEntry[], changed: boolean): AsyncIterable<ScopePage>;
  /** What was deleted after a change. */
  deletedSince(usn: bigint): AsyncIterable<ScopePage>;
}

/** A part of a page as it is handed on. */
export type ScopePage = Pick<
  Extract<ScopeEvent, { type: 'page' }>,
  'rows' | 'removed' | 'removedMembers' | 'complete'
>;

/** The name of a base in scopes: another spelling is no other scope. */
export function scopeName(base: Base): string {
  return dnKey(base.dn);
}

/** Reads one base: everything, or what changed since the cursor where the controller's count of changes goes on from there. */
export async function* readScope(
  session: Session,
  reading: ScopeReading,
  request: Request,
): AsyncGenerator<ScopeEvent, void, void> {
  const { scope } = reading;
  if (request.ended(scope)) return;
  try {
    await checkBase(session, reading);
    yield* readBase(session, reading, await startOf(session, scope, request));
  } catch (error) {
    const failure = scopeFailure(error);
    if (failure === undefined) throw error;
    yield { type: 'unverified', scope, failure };
  }
}

/** A base that is not there or not shown gives what an empty one gives to some servers. Throws a Failure. */
export async function checkBase(
  { client, foundBases }: Session,
  { base, what }: Pick<ScopeReading, 'base' | 'what'>,
): Promise<void> {
  if (foundBases.has(base.dn)) return;
  const entry = await client.one({
    subject: `${base.field} ${base.dn}`,
    base: base.dn,
    filter: '(objectClass=*)',
    attributes: ['objectClass'],
  });
  if (entry === undefined)
    throw new Failure(
      'configuration',
      `${base.field}: ${base.dn}, below which ${what} are read, does not exist or is hidden from the account; correct the DN, or let the account read it`,
    );
  foundBases.add(base.dn);
}

interface Start {
  /** Where the controller stood before the first search. */
  readonly position: Position;
  /** Changes after this one are read; undefined when everything is. */
  readonly since: bigint | undefined;
  readonly progress: WalkProgress;
  /** Rows that were handed on before. */
  readonly rows: number;
  /** Why everything is read although a place to go on from was kept. */
  readonly anew: string | undefined;
}

async function startOf({ position: now, deleted }: Session, scope: string, request: Request): Promise<Start> {
  const days = await deleted.tombstoneDays();
  const stored = request.checkpoint(scope);
  if (stored !== undefined && whyNotFrom(stored, now, days) === undefined) {
    const { dc, invocationId, usn, at, after, since, entries, rows, pages } = stored;
    return {
      position: { dc, invocationId, usn: BigInt(usn), at: new Date(at) },
      since: since === undefined ? undefined : BigInt(since),
      progress: { after: BigInt(after), entries, pages },
      rows,
      anew: undefined,
    };
  }
  const cursor = request.cursor(scope);
  const anew = cursor === undefined ? undefined : whyNotFrom(cursor, now, days);
  const since = cursor === undefined || anew !== undefined ? undefined : BigInt(cursor.usn);
  return { position: now, since, progress: { after: since ?? 0n, entries: 0, pages: 0 }, rows: 0, anew };
}

async function* readBase(
  session: Session,
  reading: ScopeReading,
  { position, since, progress, rows: before, anew }: Start,
): AsyncGenerator<ScopeEvent, void, void> {
  const { client } = session;
  const { scope, base, what, filter, attributes, pageSize } = reading;
  let rows = before;
  const page = (parts: ScopePage, { after, entries, pages }: WalkProgress): ScopeEvent => {
    rows += parts.rows.length;
    const checkpoint = {
      ...cursorOf(position),
      after: String(after),
      ...(since === undefined ? {} : { since: String(since) }),
      ...{ entries, rows, pages },
    };
    return { type: 'page', scope, ...parts, checkpoint };
  };
  const pages = walk(
    client,
    {
      subject: `${what} below ${base.dn}`,
      base: base.dn,
      filter,
      attributes,
      controls: ['domainScope', 'extendedDn'],
      pageSize,
    },
    progress,
    position.usn,
  );
  let step = await pages.next();
  for (; step.done !== true; step = await pages.next()) {
    const { entries, progress: reached } = step.value;
    for await (const parts of reading.pagesOf(entries, since !== undefined)) yield page(parts, reached);
  }
  const read = step.value;
  // After what stands: what is stated then stands nowhere any more.
  if (since !== undefined) {
    for await (const parts of reading.deletedSince(since)) yield page(parts, read);
  }
  await checkSameController(client, position);
  const evidence: Evidence = {
    rows,
    pages: read.pages,
    last: String(position.usn),
    dc: position.dc,
    ...(since === undefined ? {} : { since: String(since), deletions: await session.deleted.visible() }),
    ...(anew === undefined ? {} : { anew }),
    ...(since === undefined && { entries: read.entries, rows }[reading.emptyOf] === 0
      ? await emptyTwice(session, reading)
      : {}),
  };
  const coverage = since === undefined ? 'Full' : 'Window';
  yield { type: 'end', scope, coverage, evidence, cursor: cursorOf(position) };
}

/** Asked by other signs, without windows: an answer without objects is what a lost right gives too. Throws a Failure when there are some. */
async function emptyTwice({ client }: Session, { base, what, otherFilter }: ScopeReading) {
  const search = {
    subject: `${what} below ${base.dn}, asked for a second time`,
    base: base.dn,
    scope: 'sub',
    filter: otherFilter,
    attributes: ['objectGUID'],
    controls: ['domainScope'],
  } as const;
  for await (const { entries } of client.pages(search)) {
    if (entries.length > 0)
      throw new Failure(
        'contract',
        `${what} below ${base.dn}: the directory gave none, and finds ${entries.length} when it is asked in other words; nothing is taken as deleted`,
      );
  }
  return { counted: 0, emptyTwice: true };
}
