// SPDX-License-Identifier: Apache-2.0
import { end, page, row, type Event, type Request } from '../kit/fake-connector.ts';
import { UpstreamHistory } from './upstream-history.ts';
import { randomFrom } from '../kit/random.ts';

/** Waits at a boundary of the process that reads. */
type Pass = (name: string, call: () => Promise<readonly unknown[]>) => Promise<readonly unknown[]>;

const rowsOfPage = 4;
/** Checkpoints are one number: when the pass began and after which id it goes on. */
const place = 10_000;
/** Few, so that no deletion budget stops them. */
const mostRemovals = 6;

/** An upstream in memory that changes while it is read: something happens after every answer. */
export class LivingUpstream {
  readonly history = new UpstreamHistory();
  private readonly rows = new Map<number, { readonly name: string; readonly changed: number }>();
  private readonly gone = new Map<number, number>();
  private readonly random: () => number;
  private sequence = 0;
  private removals = 0;
  private quiet = false;

  constructor(seed: number, size: number) {
    this.random = randomFrom(seed);
    for (let id = 1; id <= size; id += 1) this.put(id);
  }

  /** From now on nothing changes. */
  settle(): void {
    this.quiet = true;
  }

  /** Every record is edited: what was read before shows as old. */
  stir(): void {
    for (const id of [...this.rows.keys()]) this.put(id);
  }

  put(id: number): void {
    this.sequence += 1;
    const name = `item ${id} of ${this.sequence}`;
    this.history.note(String(id), name);
    this.gone.delete(id);
    this.rows.set(id, { name, changed: this.sequence });
  }

  remove(id: number): void {
    this.sequence += 1;
    this.history.note(String(id), undefined);
    this.rows.delete(id);
    this.gone.set(id, this.sequence);
  }

  /** A stream that is read by pages of its ids, or from a cursor, by one process. */
  reader(pass: Pass): (request: Request) => AsyncGenerator<Event, void, void> {
    return (request) => this.read(request, pass);
  }

  private async *read(request: Request, pass: Pass): AsyncGenerator<Event, void, void> {
    const since = request.cursor('all')?.until;
    if (since !== undefined) {
      yield* this.readWindow(since, pass);
      return;
    }
    const begun = request.checkpoint('all')?.at ?? this.sequence * place;
    const startedAt = Math.floor(begun / place);
    let after = begun % place;
    for (;;) {
      const from = after;
      const rows = await pass('read', async () => this.answer((id) => id > from));
      if (rows.length === 0) break;
      after = Number((rows.at(-1) as { id: string }).id);
      yield page(rows, 'all', startedAt * place + after);
    }
    yield end('all', 'Full', startedAt);
  }

  private async *readWindow(since: number, pass: Pass): AsyncGenerator<Event, void, void> {
    const until = this.sequence;
    let after = 0;
    for (;;) {
      const from = after;
      const changed = (id: number) => id > from && (this.rows.get(id)?.changed ?? 0) > since;
      const rows = await pass('read', async () => this.answer(changed));
      if (rows.length === 0) break;
      after = Number((rows.at(-1) as { id: string }).id);
      yield page(rows, 'all', since);
    }
    // What came back meanwhile is in the next window; what is stated as gone is gone at this moment.
    await pass('read', async () => []);
    const removed = [...this.gone].filter(([, at]) => at > since).map(([id]) => String(id));
    yield { type: 'page', scope: 'all', rows: [], removed, checkpoint: { at: since } };
    yield end('all', 'Window', until);
  }

  private answer(fits: (id: number) => boolean): readonly unknown[] {
    const ids = [...this.rows.keys()].filter(fits).toSorted((one, other) => one - other);
    const answer = ids.slice(0, rowsOfPage).map((id) => row(String(id), this.rows.get(id)?.name));
    if (!this.quiet) this.change();
    return answer;
  }

  /** Something is edited, appears, disappears or comes back. */
  private change(): void {
    const ids = [...this.rows.keys()];
    const any = ids[Math.floor(this.random() * ids.length)] ?? 1;
    const chance = this.random();
    const [back] = this.gone.keys();
    if (chance < 0.2 && this.removals < mostRemovals) {
      this.removals += 1;
      this.remove(any);
    } else if (chance < 0.3 && back !== undefined) this.put(back);
    else if (chance < 0.5) this.put(Math.max(...ids) + 1);
    else this.put(any);
  }
}
