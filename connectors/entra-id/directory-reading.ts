// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import { concernsStream, PageTokenExpired, ResyncRequired, unlessRefused } from './answers.ts';
import { readRound } from './delta-round.ts';
import { listAll } from './listing.ts';
import {
  selectionOf,
  usableCursor,
  type DirectoryReading,
  type ScopeEvent,
  type ScopeRequest,
} from './reading.ts';
import { requestOf } from './requests.ts';
import type { Session } from './session.ts';

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
  const { optional, leavesOut } = reading;
  const without = leavesOut === undefined ? '' : `, of which ${leavesOut} are not read`;
  const total = counted === undefined ? 'not counted' : `${counted} counted${without}`;
  if (optional === undefined) return `${reading.resource}: readable, ${total}`;
  const given = await unlessRefused(() =>
    graph.page(requestOf.list(reading, { pageSize: 1, optional: true })),
  );
  const is = given === undefined ? 'not available (AuditLog.Read.All, Premium licence)' : 'readable';
  return `${reading.resource}: readable, ${total}; ${optional} ${is}`;
}
