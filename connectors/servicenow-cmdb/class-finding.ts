// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import { addressLength, maxListLength } from './chunks.ts';
import { classNameOf, type ClassContext, type Scope } from './class-scope.ts';
import { allOf, windowFilter } from './read-window.ts';
import { walk, walkStart } from './walk.ts';

export interface FoundClasses {
  readonly classes: ReadonlySet<string>;
  /** Rows of the whole scope; -1 when the server does not count. */
  readonly counted: number;
  readonly pages: number;
  readonly hidden: boolean;
}

/** Classes by name: those after `after`, up to and with `upTo`; empty is no bound. */
interface Part {
  readonly after: string;
  readonly upTo: string;
  /** Classes known to have rows. */
  readonly known: readonly string[];
}

/**
 * The classes that have rows, by asking again and again for rows of other classes than the known ones. The last, empty
 * answer proves that no class is left out, also none that the class tree does not know. A list of known classes that gets
 * too long for an address is halved by name, and the proof is made for each half.
 */
export async function classesWithRows(context: ClassContext, scope: Scope): Promise<FoundClasses> {
  const finding = new Finding(context, scope);
  await finding.search({ after: '', upTo: '', known: [] });
  return finding.found();
}

class Finding {
  private readonly context: ClassContext;
  private readonly scope: Scope;
  private readonly classes = new Set<string>();
  private counted: number | undefined;
  private pages = 0;
  private hidden = false;

  constructor(context: ClassContext, scope: Scope) {
    this.context = context;
    this.scope = scope;
  }

  found(): FoundClasses {
    const { classes, counted = -1, pages, hidden } = this;
    return { classes, counted, pages, hidden };
  }

  async search(part: Part): Promise<void> {
    const known = new Set(part.known);
    for (;;) {
      const names = [...known].toSorted();
      if (addressLength(names) > maxListLength) return this.searchHalves(part, names);
      const rows = await this.rowsBesides(part, names);
      if (rows === undefined) return;
      let isNew = false;
      for (const row of rows) {
        const name = classNameOf(row, this.scope.table);
        isNew ||= !known.has(name);
        // The server may order names otherwise than we do: a class of the other half is only left out of further answers.
        known.add(name);
        this.classes.add(name);
      }
      if (!isNew) throw this.disobeyed('sys_class_nameNOT IN');
    }
  }

  private async searchHalves({ after, upTo }: Part, names: readonly string[]): Promise<void> {
    const within = names.filter((name) => name > after && (upTo === '' || name <= upTo));
    // Halves get smaller, unless the bounds do nothing.
    if (within.length < 2) throw this.disobeyed('sys_class_name>');
    const middle = within[Math.floor((within.length - 1) / 2)] ?? '';
    await this.search({ after, upTo: middle, known: names.filter((name) => name <= middle) });
    await this.search({ after: middle, upTo, known: names.filter((name) => name > middle) });
  }

  /** Rows of classes that are in the part but not known yet; undefined when there are none. */
  private async rowsBesides(
    { after, upTo }: Part,
    known: readonly string[],
  ): Promise<readonly unknown[] | undefined> {
    const { session } = this.context;
    const { scope } = this;
    const bounds = [
      after === '' ? '' : `sys_class_name>${after}`,
      upTo === '' ? '' : `sys_class_name<=${upTo}`,
    ];
    const others = known.length === 0 ? '' : `sys_class_nameNOT IN${known.join(',')}`;
    const selection = {
      table: scope.table,
      filter: allOf(scope.query, windowFilter(scope.window), ...bounds, others),
      fields: ['sys_id', 'sys_class_name'],
      labels: false,
    };
    const first = await walk(session.api, selection, session.itemPageSize, walkStart).next();
    const progress = first.done === true ? first.value : first.value.progress;
    this.counted ??= progress.counted;
    this.pages += progress.pages;
    if (first.done !== true) return first.value.rows;
    this.hidden ||= progress.hidden;
    return undefined;
  }

  /** A server that ignores a condition answers the same rows again. */
  private disobeyed(condition: string): Failure {
    return new Failure(
      'contract',
      `table ${this.scope.table}: the condition ${condition} is not obeyed, so the classes cannot be told apart`,
    );
  }
}
