// SPDX-License-Identifier: Apache-2.0
import type { ReadRequest } from '../../src/connector/contract.ts';
import type { Failure } from '../../src/connector/failure.ts';
import { catchUp } from './catch-up.ts';
import { scopeName, type ClassContext } from './class-scope.ts';
import { walkScope, type WalkedScope } from './class-walk.ts';
import type { DeletionReading } from './deletions.ts';
import { checkMappedFields, withMapped } from './mapped-fields.ts';
import { checkQuery } from './query.ts';
import { allOf, openWindow, steadyFilter } from './read-window.ts';
import { endOf, type ScopeEvent } from './scope-end.ts';
import { scopeFailure } from './scope-failure.ts';
import type { Session } from './session.ts';
import { stateDeleted } from './table-stream.ts';
import type { Checkpoint, Cursor } from './wire.ts';

/**
 * How configuration items are read. A query to a class gives the rows of its subclasses too, but only its own columns. So
 * that no column is lost, each class that has rows is read from its own table with its own columns, one after another; a
 * listed class with all below it is one scope.
 *
 * A record may move to another class while this goes on and so be missed by both readings. A move is an edit, so after
 * all classes of all scopes were read, what was edited since the start is looked up once more by id (catch-up). Only
 * then do the scopes end.
 */
export async function* readClasses(
  session: Session,
  request: ReadRequest<Cursor, Checkpoint>,
): AsyncGenerator<ScopeEvent, void, void> {
  let prepared: Prepared;
  try {
    prepared = await prepare(session);
  } catch (error) {
    const failure = rethrownUnlessOfScope(error);
    for (const table of new Set(session.config.classes)) {
      yield { type: 'unverified', scope: scopeName(table, session.config.query), failure };
    }
    return;
  }
  const { context, tables } = prepared;
  const walked: WalkedScope[] = [];
  for (const table of tables) {
    const name = scopeName(table, session.config.query);
    if (request.ended(name)) continue;
    try {
      walked.push(yield* readScope(context, table, request));
    } catch (error) {
      yield { type: 'unverified', scope: name, failure: rethrownUnlessOfScope(error) };
    }
  }
  const since = movedSince(walked, tables.length);
  const deletions = yield* stateDeletedItems(context, walked, tables);
  for (const each of walked) {
    try {
      yield* endScope(context, each, since, deletions);
    } catch (error) {
      yield { type: 'unverified', scope: each.scope.name, failure: rethrownUnlessOfScope(error) };
    }
  }
}

export interface Prepared {
  readonly context: ClassContext;
  /** The listed classes that are scopes. */
  readonly tables: readonly string[];
  /** Of the mapping, what the dictionary could not be asked for: a sentence each. */
  readonly unchecked: readonly string[];
}

/** Reads tree and dictionary and checks the configuration against them. Throws a Failure. */
export async function prepare(session: Session): Promise<Prepared> {
  const tables = await session.classes.scopes();
  const tree = await session.classes.loadedTree();
  const dictionary = await session.classes.loadedDictionary();
  await dictionary.load(tables);
  const paths = session.mappedPaths('cis');
  const columnsOf = async (table: string) => withMapped(await dictionary.columnsOf(table), paths, table);
  for (const table of tables) await columnsOf(table);
  const unchecked = await checkMappedFields(paths, tables, dictionary);
  const { query } = session.config;
  if (query !== undefined) await checkQuery(query, tables, dictionary);
  return { context: { session, tree, dictionary, columnsOf }, tables, unchecked };
}

async function* readScope(
  context: ClassContext,
  table: string,
  request: ReadRequest<Cursor, Checkpoint>,
): AsyncGenerator<ScopeEvent, WalkedScope, void> {
  const { session } = context;
  const { query } = session.config;
  const name = scopeName(table, query);
  const stored = request.checkpoint(name);
  const window =
    stored === undefined
      ? await openWindow(session, table, request.cursor(name))
      : { since: stored.since, until: stored.until };
  return yield* walkScope(context, { name, table, query: query ?? '', window }, stored);
}

/**
 * Since when a record may have moved from a place not yet read to one already read, undefined when none could. Only a full
 * reading takes a record that it did not see for gone; but the record may have moved into any scope, also into one that was
 * read by a window because an earlier attempt had read it in full, and after that window's end.
 */
function movedSince(walked: readonly WalkedScope[], scopes: number): string | undefined {
  const full = walked.filter(({ scope }) => scope.window.since === undefined);
  const movable = scopes > 1 || full.some(({ classes }) => classes.length > 1);
  if (full.length === 0 || !movable) return undefined;
  return walked.map(({ scope }) => scope.window.until).toSorted()[0];
}

/** What was deleted in the windows of this reading, asked once for all of them; undefined when all scopes are read in full. */
async function* stateDeletedItems(
  { session, tree }: ClassContext,
  walked: readonly WalkedScope[],
  tables: readonly string[],
): AsyncGenerator<ScopeEvent, DeletionReading | undefined, void> {
  const windows = walked.flatMap(({ scope: { table, window, name }, checkpoint }) =>
    window.since === undefined ? [] : [{ name, table, since: window.since, until: window.until, checkpoint }],
  );
  const [first] = windows;
  if (first === undefined) return undefined;
  return yield* stateDeleted(session, {
    scope: first.name,
    checkpoint: first.checkpoint,
    audited: [...new Set(windows.flatMap(({ table }) => tree.below(table)))].toSorted(),
    places: tables,
    window: {
      since: windows.map(({ since }) => since).toSorted()[0] ?? first.since,
      until:
        windows
          .map(({ until }) => until)
          .toSorted()
          .at(-1) ?? first.until,
    },
  });
}

async function* endScope(
  context: ClassContext,
  walked: WalkedScope,
  since: string | undefined,
  deletions: DeletionReading | undefined,
): AsyncGenerator<ScopeEvent, void, void> {
  const { scope, failure, progress, checkpoint, classes, source } = walked;
  if (failure !== undefined) {
    yield { type: 'unverified', scope: scope.name, failure };
    return;
  }
  const hidden = since !== undefined && (yield* catchUp(context, scope, since, checkpoint));
  // What was edited since may have moved from class to class; the catch-up looked for it by id.
  const unmoved = since === undefined || scope.window.since !== undefined ? '' : `sys_updated_on<${since}`;
  const steady = allOf(scope.query, steadyFilter(scope.window), unmoved);
  yield await endOf(
    context.session.api,
    { name: scope.name, table: scope.table, window: scope.window, steady },
    { ...progress, hidden: progress.hidden || hidden },
    {
      classes: classes.length,
      columns: source,
      ...context.session.itemPageSize.evidence,
      ...(deletions === undefined || scope.window.since === undefined ? {} : { deletions }),
    },
  );
}

function rethrownUnlessOfScope(error: unknown): Failure {
  const failure = scopeFailure(error);
  if (failure === undefined) throw error;
  return failure;
}
