// SPDX-License-Identifier: Apache-2.0
import type { ChainHead } from '../store/port.ts';
import type { ChainFrame, StoredRun } from '../store/port/archive.ts';
import { differencesOf } from './stored-run.ts';

/** `altered`: a row contradicts what is hashed. `removed`: a sequence is missing. `inserted`: one stands twice or cannot be. `broken`: the
 * link between two runs. `head`: the end of the chain, or a head that was kept. `slot`, `cluster`: see the words. `action`: what was done beside the runs. `table`:
 * one that the archive consists of is gone. */
export type FindingKind =
  'altered' | 'removed' | 'inserted' | 'broken' | 'head' | 'slot' | 'cluster' | 'action' | 'table';

/** Something that cannot be if nobody changed the record. */
export interface Finding {
  /** Empty where it concerns all of them. */
  readonly system: string;
  readonly kind: FindingKind;
  readonly sequence?: number;
  readonly runName?: string;
  readonly runUid?: string;
  /** For the kind `action`; `actor` is undefined when only the row that is gone knew. */
  readonly action?: { readonly kind: string; readonly time: string; readonly actor: string | undefined };
  /** What differs, in a sentence. */
  readonly message: string;
}

/** A head that was written down elsewhere. */
export interface KeptHead extends ChainHead {
  /** Who kept it, as a message names it. */
  readonly from: string;
}

export interface ChainSummary {
  readonly runs: number;
  readonly recovered: number;
  /** Sequences that a restored backup may have cost, and that nobody can prove any more. */
  readonly lost: readonly string[];
  /** Newest archived run. */
  readonly head: ChainHead | undefined;
}

/**
 * Verifies one system's chain as it is read, by rising sequence, in memory that does not grow with it. What it cannot find: a chain that was
 * sealed again from some run on, head and all; that shows against a kept head alone.
 */
export class ChainVerifier {
  private readonly system: string;
  private readonly frame: ChainFrame;
  private readonly kept: Map<number, KeptHead[]>;
  private readonly report: (finding: Finding) => void;
  private previous: StoredRun | undefined;
  private runs = 0;
  private recovered = 0;
  private readonly lost: string[] = [];

  constructor(
    system: string,
    frame: ChainFrame,
    kept: readonly KeptHead[],
    report: (finding: Finding) => void,
  ) {
    this.system = system;
    this.frame = frame;
    this.kept = Map.groupBy(kept, ({ sequence }) => sequence);
    this.report = report;
  }

  visit(run: StoredRun): void {
    this.runs += 1;
    if (run.recovered) this.recovered += 1;
    for (const message of differencesOf(run)) this.find('altered', run, message);
    this.checkPlace(run);
    this.checkKept(run);
    this.previous = run;
  }

  /** After the last run. */
  end(): ChainSummary {
    const newest = this.previous;
    this.checkEnd(newest);
    for (const heads of this.kept.values()) heads.forEach((head) => this.missKept(head));
    const head =
      newest === undefined ? undefined : { sequence: newest.sequence, digest: newest.digest ?? '' };
    return { runs: this.runs, recovered: this.recovered, lost: this.lost, head };
  }

  private checkPlace(run: StoredRun): void {
    const { previous } = this;
    const before = previous?.sequence ?? 0;
    if (run.sequence < 1)
      return this.find('inserted', run, `sequence ${run.sequence} cannot be; the first is 1`);
    if (run.sequence === before) {
      return this.find('inserted', run, `sequence ${before} stands twice, also at ${named(previous)}`);
    }
    if (run.sequence > before + 1) {
      this.gap(before + 1, run.sequence - 1, run);
      this.checkBehindGap(run);
      return;
    }
    if (previous === undefined) {
      if (run.previousDigest !== undefined)
        this.find('broken', run, `it is the first, and yet names a record before it: ${run.previousDigest}`);
      return;
    }
    if (run.previousDigest !== previous.digest)
      this.find(
        'broken',
        run,
        `its previousDigest ${run.previousDigest ?? 'is empty and'} is not the digest ${previous.digest ?? ''} of ${named(previous)}; one of the two was replaced`,
      );
  }

  /** The run behind runs that are lost goes on from the head that the cluster knew. */
  private checkBehindGap(run: StoredRun): void {
    const known = this.frame.recoveries.find(({ head }) => head.sequence === run.sequence - 1);
    if (known !== undefined && known.head.digest !== run.previousDigest)
      this.find(
        'broken',
        run,
        `its previousDigest ${run.previousDigest ?? ''} is not the head ${known.head.digest} that the chain went on from after a restored backup`,
      );
  }

  private gap(first: number, last: number, next?: StoredRun): void {
    const which = first === last ? `sequence ${first}` : `sequences ${first} to ${last}`;
    if (this.isLost(first, last)) {
      this.lost.push(which);
      return;
    }
    const between = `between ${named(this.previous)} and ${next === undefined ? 'the head of the system' : named(next)}`;
    this.report({
      system: this.system,
      kind: 'removed',
      sequence: first,
      message: `${which} ${first === last ? 'is' : 'are'} missing, ${between}`,
    });
  }

  private isLost(first: number, last: number): boolean {
    return this.frame.recoveries.some(({ after, head }) => after < first && last <= head.sequence);
  }

  private checkKept(run: StoredRun): void {
    const heads = this.kept.get(run.sequence) ?? [];
    this.kept.delete(run.sequence);
    for (const { digest, from } of heads) {
      if (digest !== run.digest)
        this.find(
          'head',
          run,
          `its digest ${run.digest ?? ''} is not ${digest}, which ${from} kept: it, or a run before it, was replaced`,
        );
    }
  }

  private missKept({ sequence, digest, from }: KeptHead): void {
    if (this.isLost(sequence, sequence)) return;
    const end =
      this.previous === undefined ? 'the archive holds no run' : `the newest is ${named(this.previous)}`;
    const message = `the run with the digest ${digest}, which ${from} kept, is not in the archive; ${end}`;
    this.report({ system: this.system, kind: 'head', sequence, message });
  }

  private checkEnd(newest: StoredRun | undefined): void {
    const { head } = this.frame;
    const reached = newest?.sequence ?? 0;
    if (head !== undefined && head.sequence > reached) return this.gap(reached + 1, head.sequence);
    if (newest === undefined) return this.checkEmpty();
    if (head === undefined || head.sequence < reached) {
      const stored = head === undefined ? 'knows of no run' : `ends at sequence ${head.sequence}`;
      return this.find(
        'head',
        newest,
        `it is newer than the head in the table systems, which ${stored}: it was inserted, or the head was changed`,
      );
    }
    if (head.digest !== newest.digest)
      this.find(
        'head',
        newest,
        `its digest ${newest.digest ?? ''} is not that of the head in the table systems, ${head.digest}`,
      );
  }

  /** A run is archived in the transaction that ends it, and what else there is of a system came by runs. */
  private checkEmpty(): void {
    const { traces, unfinished } = this.frame;
    if (unfinished || traces.length === 0) return;
    const message = `the inventory has rows of this system (${traces.join(', ')}), and the archive no run of it: its runs and their head were removed`;
    this.report({ system: this.system, kind: 'removed', message });
  }

  private find(kind: FindingKind, { sequence, runName, runUid }: StoredRun, message: string): void {
    this.report({ system: this.system, kind, sequence, runName, runUid, message });
  }
}

function named(run: StoredRun | undefined): string {
  return run === undefined ? 'the start' : `sequence ${run.sequence} (${run.runName}, uid ${run.runUid})`;
}
