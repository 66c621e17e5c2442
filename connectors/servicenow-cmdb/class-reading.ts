// SPDX-License-Identifier: Apache-2.0
import type { ReadRequest } from '../../src/connector/contract.ts';
import { Failure } from '../../src/connector/failure.ts';
import { catchUp } from './catch-up.ts';
import type { ClassFields } from './class-model.ts';
import {
  classNameOf,
  columnsOf,
  scopeName,
  tableOf,
  withoutSecrets,
  type ClassContext,
  type Scope,
} from './class-scope.ts';
import { checkedQuery } from './query.ts';
import {
  allOf,
  endOf,
  nextWindow,
  scopeFailure,
  steadyFilter,
  windowFilter,
  type ReadWindow,
  type ScopeEvent,
} from './scope-end.ts';
import type { Session } from './session.ts';
import { toCheckpoint } from './table-stream.ts';
import { storedText, walk, walkStart, type Progress } from './walk.ts';
import type { Checkpoint, Cursor } from './wire.ts';

interface WalkedScope {
  readonly scope: Scope;
  readonly progress: Progress;
  readonly checkpoint: Checkpoint;
  readonly classes: readonly string[];
  /** First class that could not be read; the others were. */
  readonly failure: Failure | undefined;
  readonly source: ClassFields['source'];
}

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
  const prepared = await prepare(session).catch((error: unknown) => {
    const failure = scopeFailure(error);
    if (failure === undefined) throw error;
    return failure;
  });
  if (prepared instanceof Failure) {
    for (const table of new Set(session.config.classes)) {
      yield { type: 'unverified', scope: scopeName(table, session.config.query), failure: prepared };
    }
    return;
  }
  const { context, tables } = prepared;
  const { query } = session.config;
  const walked: WalkedScope[] = [];
  for (const table of tables) {
    const name = scopeName(table, query);
    if (request.ended(name)) continue;
    const stored = request.checkpoint(name);
    const window: ReadWindow =
      stored === undefined
        ? nextWindow(request.cursor(name), session.until)
        : { since: stored.since, until: stored.until };
    const scope = { name, table, query: query ?? '', window };
    try {
      walked.push(yield* walkScope(context, scope, stored));
    } catch (error) {
      const failure = scopeFailure(error);
      if (failure === undefined) throw error;
      yield { type: 'unverified', scope: name, failure };
    }
  }
  const full = walked.filter(({ scope }) => scope.window.since === undefined);
  const since = full.map(({ scope }) => scope.window.until).toSorted()[0];
  const movable = tables.length > 1 || full.some(({ classes }) => classes.length > 1);
  for (const each of walked) {
    if (each.failure !== undefined) {
      yield { type: 'unverified', scope: each.scope.name, failure: each.failure };
      continue;
    }
    try {
      const movedSince = movable && each.scope.window.since === undefined ? since : undefined;
      const hidden =
        movedSince !== undefined && (yield* catchUp(context, each.scope, movedSince, each.checkpoint));
      yield await scopeEnd(context, each, movedSince, hidden);
    } catch (error) {
      const failure = scopeFailure(error);
      if (failure === undefined) throw error;
      yield { type: 'unverified', scope: each.scope.name, failure };
    }
  }
}

async function prepare(session: Session): Promise<{ context: ClassContext; tables: readonly string[] }> {
  const tables = await session.classes.scopes();
  const tree = await session.classes.loadedTree();
  const dictionary = await session.classes.loadedDictionary();
  const fields = await dictionary.fieldsOf(tables);
  if (session.config.query !== undefined) checkedQuery(session.config.query, fields);
  return { context: { session, tree, dictionary }, tables };
}

/** Reads the classes of a scope that have rows, in the order of their names; goes on after the stored place. */
async function* walkScope(
  context: ClassContext,
  scope: Scope,
  stored: Checkpoint | undefined,
): AsyncGenerator<ScopeEvent, WalkedScope, void> {
  const found = await classesWithRows(context, scope);
  const classes = [...found.classes].toSorted();
  const start: Progress = stored ?? { ...walkStart, counted: found.counted, pages: found.pages };
  let progress: Progress = { ...start, hidden: start.hidden || found.hidden };
  let failure: Failure | undefined;
  const sources = new Set<ClassFields['source']>();
  for (const className of classes) {
    if (stored !== undefined && className < stored.at) continue;
    const after = stored !== undefined && className === stored.at ? stored.after : '';
    const reading = new ClassReading(context, scope, className);
    progress = yield* reading.read({ ...progress, after });
    failure ??= reading.failure;
    for (const source of reading.sources) sources.add(source);
  }
  const checkpoint = toCheckpoint(scope.window, classes.at(-1) ?? '', progress);
  const source = sources.has('all') ? 'all' : 'dictionary';
  return { scope, progress, checkpoint, classes, failure, source };
}

/** Reads the rows of one class. */
class ClassReading {
  /** Why the class could not be read. */
  failure: Failure | undefined;
  readonly sources = new Set<ClassFields['source']>();
  private readonly context: ClassContext;
  private readonly scope: Scope;
  private readonly className: string;

  constructor(context: ClassContext, scope: Scope, className: string) {
    this.context = context;
    this.scope = scope;
    this.className = className;
  }

  /** From the table of its own; where that gives nothing, from the scope's, which said that there are rows. */
  async *read(start: Progress): AsyncGenerator<ScopeEvent, Progress, void> {
    const own = tableOf(this.context.tree, this.className, this.scope);
    let progress = start;
    try {
      progress = yield* this.readFrom(own, start);
      if (progress.rows > start.rows || progress.hidden || start.after !== '' || own === this.scope.table) {
        return progress;
      }
    } catch (error) {
      const refused = scopeFailure(error);
      if (refused === undefined || refused.code === 'contract') throw error;
      if (refused.code === 'permission' || own === this.scope.table) {
        this.failure = refused;
        return progress;
      }
    }
    return yield* this.readFrom(this.scope.table, progress);
  }

  private async *readFrom(table: string, start: Progress): AsyncGenerator<ScopeEvent, Progress, void> {
    const { context, scope, className } = this;
    const { api, pageSize } = context.session;
    const columns = await columnsOf(context, table);
    this.sources.add(columns.source);
    const filter = allOf(scope.query, windowFilter(scope.window), `sys_class_name=${className}`);
    const pages = walk(api, { table, filter, fields: columns.fields, labels: true }, pageSize, start);
    for (;;) {
      const step = await pages.next();
      if (step.done === true) return step.value;
      const { rows, progress } = step.value;
      checkOwnClass(rows, className, table);
      const checkpoint = toCheckpoint(scope.window, className, progress);
      yield { type: 'page', scope: scope.name, rows: withoutSecrets(rows, columns), checkpoint };
    }
  }
}

interface FoundClasses {
  readonly classes: ReadonlySet<string>;
  readonly counted: number;
  readonly pages: number;
  readonly hidden: boolean;
}

/**
 * The classes that have rows, by asking again and again for rows of other classes than the known ones. The last, empty
 * answer proves that no class is left out, also none that the class tree does not know.
 */
async function classesWithRows(context: ClassContext, scope: Scope): Promise<FoundClasses> {
  const { session } = context;
  const classes = new Set<string>();
  let counted: number | undefined;
  let pages = 0;
  for (;;) {
    const others = classes.size === 0 ? '' : `sys_class_nameNOT IN${[...classes].join(',')}`;
    const selection = {
      table: scope.table,
      filter: allOf(scope.query, windowFilter(scope.window), others),
      fields: ['sys_id', 'sys_class_name'],
      labels: false,
    };
    const first = walk(session.api, selection, session.pageSize, walkStart);
    const step = await first.next();
    const progress = step.done === true ? step.value : step.value.progress;
    counted ??= progress.counted;
    pages += progress.pages;
    if (step.done === true) return { classes, counted, pages, hidden: progress.hidden };
    const before = classes.size;
    for (const row of step.value.rows) classes.add(classNameOf(row, scope.table));
    if (classes.size === before) {
      throw new Failure(
        'contract',
        `table ${scope.table}: the condition sys_class_nameNOT IN is not obeyed, so the classes cannot be told apart`,
      );
    }
  }
}

/** A server that ignores a condition answers the whole table. */
function checkOwnClass(rows: readonly unknown[], className: string, table: string): void {
  for (const row of rows) {
    const actual = storedText(row, 'sys_class_name');
    if (actual === undefined || actual === className) continue;
    throw new Failure(
      'contract',
      `table ${table}: the condition sys_class_name=${className} is not obeyed (a row is a ${actual})`,
    );
  }
}

function scopeEnd(
  context: ClassContext,
  walked: WalkedScope,
  movedSince: string | undefined,
  hidden: boolean,
): Promise<ScopeEvent> {
  const { scope, classes, source } = walked;
  // What was edited since may have moved from class to class; the catch-up looked for it by id.
  const unmoved = movedSince === undefined ? '' : `sys_updated_on<${movedSince}`;
  const steady = allOf(scope.query, steadyFilter(scope.window), unmoved);
  const progress = { ...walked.progress, hidden: walked.progress.hidden || hidden };
  const table = { name: scope.name, table: scope.table, steady };
  return endOf(context.session.api, table, scope.window, progress, {
    classes: classes.length,
    columns: source,
  });
}
