// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { edge, type Event, type Request } from './fake-connector.ts';

/** What happens upstream; `pick` chooses among the groups or members that are there. */
export type GroupAct =
  | { readonly type: 'join'; readonly group: number; readonly member: number }
  | { readonly type: 'leave' | 'spoil'; readonly group: number; readonly pick: number }
  | { readonly type: 'drop'; readonly group: number }
  | { readonly type: 'vanish'; readonly member: number };

const group = fc.nat(3);
export const anyGroupAct: fc.Arbitrary<GroupAct> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('join' as const), group, member: fc.nat(9) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('leave' as const), group, pick: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('spoil' as const), group, pick: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('drop' as const), group }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('vanish' as const), member: fc.nat(9) }) },
);

interface Group {
  /** When it was changed last, by a number that only grows. */
  changed: number;
  readonly members: Set<string>;
}

const pageSize = 2;
/** A checkpoint is one number: when the reading began, and up to which change the groups have been read. */
const changesPerTick = 100_000;

/**
 * A directory that tells which groups changed, and of a group only its whole list of members: who left is nowhere. Groups and members that
 * were deleted are told by their ids alone, and no group changes by a member that is deleted. Its reader offers as cursor the time at which its reading began.
 */
export class MovingGroups {
  private readonly groups = new Map<string, Group>();
  private readonly dropped = new Map<string, number>();
  /** Members that were deleted, and when. */
  private readonly vanished = new Map<string, number>();
  private readonly lives = new Map<number, number>();
  private readonly spoilt = new Set<string>();
  private readonly left = new Set<string>();
  private clock = 1;

  get edges(): string[] {
    return [...this.groups].flatMap(([id, { members }]) => idsOf(id, members)).toSorted();
  }

  /** Whether an edge was gone for a time: what was read then may say so still. */
  wasGone(id: string): boolean {
    return this.left.has(id);
  }

  act(act: GroupAct): void {
    this.clock += 1;
    if (act.type === 'vanish') return this.vanish(act.member);
    const id = `g${act.group}`;
    if (act.type === 'join') {
      const { members } = this.changed(id);
      members.add(this.nameOf(act.member));
      this.dropped.delete(id);
      return;
    }
    const found = this.groups.get(id);
    if (found === undefined) return;
    if (act.type === 'drop') {
      for (const gone of idsOf(id, found.members)) this.left.add(gone);
      this.groups.delete(id);
      this.dropped.set(id, this.clock);
      return;
    }
    const member = [...found.members][act.pick % Math.max(1, found.members.size)];
    if (member === undefined) return;
    this.changed(id);
    if (act.type === 'spoil') this.spoilt.add(`${id}/${member}`);
    else {
      found.members.delete(member);
      this.left.add(`${id}/${member}`);
    }
  }

  /** Whoever comes after one that was deleted is another. */
  private nameOf(number: number): string {
    return `m${number}-${this.lives.get(number) ?? 0}`;
  }

  private vanish(number: number): void {
    const member = this.nameOf(number);
    this.lives.set(number, (this.lives.get(number) ?? 0) + 1);
    this.vanished.set(member, this.clock);
    for (const [id, { members }] of this.groups) if (members.delete(member)) this.left.add(`${id}/${member}`);
  }

  mendAll(): void {
    const broken = [...this.groups].filter(([id, { members }]) =>
      idsOf(id, members).some((one) => this.spoilt.has(one)),
    );
    this.spoilt.clear();
    // Only these: what was missed of the others must show.
    for (const [id] of broken) this.changed(id);
  }

  async *read(request: Request, between: () => void): AsyncGenerator<Event, void, void> {
    const since = request.cursor('all')?.until;
    const stored = request.checkpoint('all')?.at;
    const until = stored === undefined ? this.clock : Math.floor(stored / changesPerTick);
    let done = stored === undefined ? (since ?? 0) : stored % changesPerTick;
    const page = (rows: readonly unknown[], complete: readonly string[]) => {
      const checkpoint = { at: until * changesPerTick + done };
      return { type: 'page', scope: 'all', rows, complete, checkpoint } as const;
    };
    let rows = 0;
    if (since !== undefined) {
      between();
      yield page(
        [],
        [...this.dropped].filter(([, at]) => at > since).map(([id]) => id),
      );
    }
    for (let next = this.nextAfter(done); next !== undefined; next = this.nextAfter(done)) {
      const [id, { changed, members }] = next;
      let after = '';
      let given: readonly string[];
      do {
        between();
        given = [...members]
          .toSorted()
          .filter((member) => member > after)
          .slice(0, pageSize);
        after = given.at(-1) ?? after;
        rows += given.length;
        const last = given.length < pageSize;
        if (last) done = changed;
        yield page(
          given.map((member) => this.row(id, member)),
          last ? [id] : [],
        );
      } while (given.length === pageSize);
    }
    if (since !== undefined) {
      between();
      const removedMembers = [...this.vanished].filter(([, at]) => at > since).map(([id]) => id);
      yield { ...page([], []), removedMembers };
    }
    const evidence = rows === 0 ? { rows, counted: 0, emptyTwice: true } : { rows };
    const coverage = since === undefined ? 'Full' : 'Window';
    yield { type: 'end', scope: 'all', coverage, evidence, cursor: { until } };
  }

  /** The group whose newest change comes next. */
  private nextAfter(done: number): readonly [string, Readonly<Group>] | undefined {
    const waiting = [...this.groups].filter(([, { changed }]) => changed > done);
    const next = waiting.toSorted(([, one], [, other]) => one.changed - other.changed)[0];
    // What happens to it while it is read is another change.
    return next === undefined ? undefined : [next[0], { ...next[1] }];
  }

  private changed(id: string): Group {
    const found = this.groups.get(id) ?? { changed: 0, members: new Set<string>() };
    this.clock += 1;
    found.changed = this.clock;
    this.groups.set(id, found);
    return found;
  }

  private row(id: string, member: string): unknown {
    return this.spoilt.has(`${id}/${member}`) ? { group: id, member, name: 7 } : edge(id, member);
  }
}

function idsOf(id: string, members: Iterable<string>): string[] {
  return [...members].map((member) => `${id}/${member}`);
}
