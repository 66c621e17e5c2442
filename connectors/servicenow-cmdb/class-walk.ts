// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import { classesWithRows } from './class-finding.ts';
import { classNameOf, tableOf, type ClassContext, type Scope } from './class-scope.ts';
import { keptRows, type Columns } from './columns.ts';
import { pageRequest, walk, walkStart, type Progress } from './walk.ts';
import { allOf, isUnmoved, windowFilter } from './read-window.ts';
import { type ScopeEvent } from './scope-end.ts';
import { scopeFailure } from './scope-failure.ts';
import { toCheckpoint } from './table-stream.ts';
import type { Checkpoint } from './wire.ts';

export interface WalkedScope {
  readonly scope: Scope;
  readonly progress: Progress;
  readonly checkpoint: Checkpoint;
  readonly classes: readonly string[];
  /** First class that could not be read; the others were. */
  readonly failure: Failure | undefined;
  readonly source: Columns['source'];
}

/** Reads the classes of a scope that have rows, in the order of their names; goes on after the stored place. */
export async function* walkScope(
  context: ClassContext,
  scope: Scope,
  stored: Checkpoint | undefined,
): AsyncGenerator<ScopeEvent, WalkedScope, void> {
  const found = await classesWithRows(context, scope);
  const classes = [...found.classes].toSorted();
  await context.dictionary.load(classes.map((name) => tableOf(context.tree, name, scope)));
  const start: Progress = stored ?? { ...walkStart, counted: found.counted, pages: found.pages };
  let progress: Progress = { ...start, hidden: start.hidden || found.hidden };
  let failure: Failure | undefined;
  const sources = new Set<Columns['source']>();
  for (const className of classes) {
    if (stored !== undefined && className < stored.at) continue;
    const after = stored !== undefined && className === stored.at ? stored.after : '';
    const reading = new ClassReading(context, scope, className);
    progress = yield* reading.read({ ...progress, after });
    failure ??= reading.failure;
    if (reading.source !== undefined) sources.add(reading.source);
  }
  const checkpoint = toCheckpoint(scope.window, classes.at(-1) ?? '', progress);
  return { scope, progress, checkpoint, classes, failure, source: sources.has('all') ? 'all' : 'dictionary' };
}

/** Reads the rows of one class. */
class ClassReading {
  /** Why the class could not be read. */
  failure: Failure | undefined;
  source: Columns['source'] | undefined;
  private readonly context: ClassContext;
  private readonly scope: Scope;
  private readonly className: string;

  constructor(context: ClassContext, scope: Scope, className: string) {
    this.context = context;
    this.scope = scope;
    this.className = className;
  }

  async *read(start: Progress): AsyncGenerator<ScopeEvent, Progress, void> {
    const table = tableOf(this.context.tree, this.className, this.scope);
    try {
      const progress = yield* this.readFrom(table, start);
      const gaveNothing = progress.rows === start.rows && start.after === '' && !progress.hidden;
      if (gaveNothing && table !== this.scope.table) await this.checkNoneLeft(table);
      return progress;
    } catch (error) {
      const refused = scopeFailure(error);
      if (refused === undefined || refused.code === 'contract') throw error;
      this.failure = refused;
      return start;
    }
  }

  private async *readFrom(table: string, start: Progress): AsyncGenerator<ScopeEvent, Progress, void> {
    const { context, scope, className } = this;
    const { api, itemPageSize } = context.session;
    const columns = await context.columnsOf(table);
    this.source = columns.source;
    const selection = {
      table,
      filter: this.filter(),
      fields: columns.fields,
      labels: true,
      isSteady: (row: unknown) => isUnmoved(row, scope.window),
    };
    const pages = walk(api, selection, itemPageSize, start);
    for (;;) {
      const step = await pages.next();
      if (step.done === true) return step.value;
      const { rows, progress } = step.value;
      checkOwnClass(rows, className, table);
      const checkpoint = toCheckpoint(scope.window, className, progress);
      yield { type: 'page', scope: scope.name, rows: keptRows(rows, columns), checkpoint };
    }
  }

  /** A table that gives and counts nothing, while the one above shows items of the class, is not readable. */
  private async checkNoneLeft(table: string): Promise<void> {
    const { scope, className } = this;
    const selection = { table: scope.table, filter: this.filter(), fields: ['sys_id'], labels: false };
    const { rows } = await this.context.session.api.page(pageRequest(selection, '', 1, 0));
    if (rows.length === 0) return;
    throw new Failure(
      'permission',
      `table ${table}: it gives no rows, while ${scope.table} shows items of the class ${className}; grant the integration user read access to ${table}`,
    );
  }

  private filter(): string {
    return allOf(this.scope.query, windowFilter(this.scope.window), `sys_class_name=${this.className}`);
  }
}

/** A server that ignores a condition answers the whole table; a row that hides its class would empty it in the inventory. */
function checkOwnClass(rows: readonly unknown[], className: string, table: string): void {
  for (const row of rows) {
    const actual = classNameOf(row, table);
    if (actual === className) continue;
    throw new Failure(
      'contract',
      `table ${table}: the condition sys_class_name=${className} is not obeyed (a row is a ${actual})`,
    );
  }
}
