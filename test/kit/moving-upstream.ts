// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { Failure } from '../../src/connector/failure.ts';
import type { Presence } from '../../src/connector/probe.ts';
import { row, type Event, type Request } from './fake-connector.ts';

export const places = ['one', 'two', 'three'] as const;
export type Place = (typeof places)[number];

/** What happens upstream; `pick` chooses among the records that are there. */
export type Act =
  | { readonly type: 'create'; readonly place: Place }
  | { readonly type: 'move'; readonly pick: number; readonly place: Place }
  | { readonly type: 'delete' | 'hide' | 'show'; readonly pick: number };

export const anyAct: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ type: fc.constant('create' as const), place: fc.constantFrom(...places) }),
  fc.record({ type: fc.constant('move' as const), pick: fc.nat(50), place: fc.constantFrom(...places) }),
  fc.record({ type: fc.constant('move' as const), pick: fc.nat(50), place: fc.constantFrom(...places) }),
  fc.record({ type: fc.constantFrom('delete' as const, 'hide' as const, 'show' as const), pick: fc.nat(50) }),
);

interface Held {
  place: Place;
  /** When it was changed last, by the upstream's own clock. */
  edited: number;
  hidden: boolean;
  /** When it was last hidden. */
  hiddenAt: number;
}

export type Manner = 'careful' | 'eager' | 'careless';

/** Between two pages: what happens upstream, and whether the reading stops there. */
export type Between = () => void;

const pageSize = 2;
/** A checkpoint is one number: when the reading of its scope began, and the id behind which it goes on. */
const idsPerTick = 100_000;

/**
 * An upstream of three scopes whose records come, go, move and hide while it is read. Its careful reader pages by id, counts what it
 * may not see, asks for what was edited meanwhile after all scopes were walked, and only then ends them. Ids are never used twice.
 */
export class MovingUpstream {
  private readonly held = new Map<number, Held>();
  private clock = 1;
  private made = 0;

  get ids(): string[] {
    return [...this.held.keys()].map(String).toSorted();
  }

  get hidesNothing(): boolean {
    return [...this.held.values()].every(({ hidden }) => !hidden);
  }

  act(act: Act): void {
    this.clock += 1;
    if (act.type === 'create') {
      this.made += 1;
      this.held.set(this.made, { place: act.place, edited: this.clock, hidden: false, hiddenAt: 0 });
      return;
    }
    const ids = [...this.held.keys()];
    const id = ids[act.pick % ids.length];
    const record = id === undefined ? undefined : this.held.get(id);
    if (id === undefined || record === undefined) return;
    record.edited = this.clock;
    switch (act.type) {
      case 'move':
        record.place = act.place;
        break;
      case 'delete':
        this.held.delete(id);
        break;
      case 'hide':
        record.hidden = true;
        record.hiddenAt = this.clock;
        break;
      case 'show':
        record.hidden = false;
        record.hiddenAt = this.clock;
        break;
    }
  }

  showAll(): void {
    this.clock += 1;
    for (const record of this.held.values()) {
      if (!record.hidden) continue;
      record.hidden = false;
      record.edited = this.clock;
    }
  }

  /** What it says of single records: everything it knows. */
  answer(id: string): Presence | undefined {
    const record = this.held.get(Number(id));
    if (record === undefined) return undefined;
    return record.hidden ? 'hidden' : 'present';
  }

  /**
   * `eager` ends each scope as soon as it is walked: honest only when nothing moves while an attempt reads. The first of its scopes has no
   * cursor then, so that what another attempt ended cannot be caught up.
   * `careless` looks neither for what moved nor for what is hidden: only who asks for single records learns of them.
   */
  async *read(request: Request, between: Between, manner: Manner): AsyncGenerator<Event, void, void> {
    const walked: Walked[] = [];
    for (const scope of places) {
      if (request.ended(scope)) continue;
      const since = request.cursor(scope)?.until;
      const stored = request.checkpoint(scope)?.at;
      const until = stored === undefined ? this.clock : Math.floor(stored / idsPerTick);
      let after = stored === undefined ? 0 : stored % idsPerTick;
      for (;;) {
        between();
        const page = this.given(scope, since)
          .filter((id) => id > after)
          .slice(0, pageSize);
        after = page.at(-1) ?? after;
        yield this.page(scope, page, until, after);
        if (page.length === 0) break;
      }
      walked.push({ scope, since, until, after });
      if (manner === 'eager') yield* this.end(walked, walked.slice(-1), manner);
    }
    if (manner !== 'eager') yield* this.end(walked, walked, manner);
  }

  private *end(
    walked: readonly Walked[],
    ending: readonly Walked[],
    manner: Manner,
  ): Generator<Event, void, void> {
    const movedSince = Math.min(...walked.map(({ until }) => until));
    for (const { scope, until, after } of manner === 'careless' ? [] : ending) {
      yield this.page(scope, this.given(scope, movedSince), until, after);
    }
    for (const { scope, since, until } of ending) {
      const cursor = manner !== 'eager' || scope !== places[0] ? { cursor: { until } } : {};
      yield { ...this.verdict(scope, since, manner === 'careless' ? undefined : movedSince), ...cursor };
    }
  }

  private verdict(scope: Place, since: number | undefined, from: number | undefined): Event {
    const here = [...this.held.values()].filter(({ place }) => place === scope);
    if (from !== undefined && here.some(({ hidden, hiddenAt }) => hidden || hiddenAt >= from)) {
      return { type: 'unverified', scope, failure: new Failure('permission', `${scope} hides records`) };
    }
    const empty = here.length === 0 ? { counted: 0, emptyTwice: true } : {};
    const coverage = since === undefined ? 'Full' : 'Window';
    return { type: 'end', scope, coverage, evidence: { rows: here.length, ...empty } };
  }

  private page(scope: Place, ids: readonly number[], until: number, after: number): Event {
    const rows = ids.map((id) => row(String(id)));
    return { type: 'page', scope, rows, checkpoint: { at: until * idsPerTick + after } };
  }

  private given(scope: Place, since = 0): number[] {
    return [...this.held]
      .filter(([, { place, hidden, edited }]) => place === scope && !hidden && edited >= since)
      .map(([id]) => id)
      .toSorted((one, other) => one - other);
  }
}

interface Walked {
  readonly scope: Place;
  readonly since: number | undefined;
  readonly until: number;
  readonly after: number;
}
