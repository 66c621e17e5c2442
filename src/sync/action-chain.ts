// SPDX-License-Identifier: Apache-2.0
import type { Recovery, StoredAction, StoredRun } from '../store/port/archive.ts';
import type { Finding } from './chain.ts';
import { actionDifferences } from './stored-action.ts';
import { jsonObject, shown } from './stored-run.ts';

type ActionWords = NonNullable<Finding['action']>;

/** An action as the record of a run names it. */
interface Naming {
  readonly digest: string;
  readonly words: ActionWords;
  readonly run: Pick<StoredRun, 'sequence' | 'runName' | 'runUid'>;
  /** The run was put back from the cluster, behind a backup that need not have had the action. */
  readonly recovered: boolean;
}

interface WaitingAction {
  readonly words: ActionWords;
  readonly notedIn: string | undefined;
  /** A run that was put back names it. */
  readonly covered: boolean;
}

/**
 * Verifies the actions of one system against the records that name them. Runs name actions in the order of the table, so handed over side
 * by side, a few at a time, each meets its counterpart soon: what is kept here is what has none yet.
 */
export class ActionVerifier {
  private readonly system: string;
  private readonly recoveries: readonly Recovery[];
  private readonly report: (finding: Finding) => void;
  /** Actions that no run has named so far, and those that a run named and the table has not handed over. */
  private readonly unnamed = new Map<string, WaitingAction>();
  private readonly unseen = new Map<string, Naming>();

  constructor(system: string, recoveries: readonly Recovery[], report: (finding: Finding) => void) {
    this.system = system;
    this.recoveries = recoveries;
    this.report = report;
  }

  /** Whether runs have named actions that were not handed over yet. */
  waits(): boolean {
    return this.unseen.size > 0;
  }

  visitRun(run: StoredRun): void {
    for (const { digest, words } of namedIn(run)) {
      const { sequence, runName, runUid } = run;
      const recovered = this.recoveries.some(
        ({ after, head }) => after < sequence && sequence <= head.sequence,
      );
      const naming = { digest, words, run: { sequence, runName, runUid }, recovered };
      const action = this.unnamed.get(digest);
      if (action === undefined) this.unseen.set(digest, naming);
      else this.match(action, naming);
    }
  }

  visitAction(action: StoredAction): void {
    const words = wordsOf(action);
    for (const message of actionDifferences(action)) this.find(words, message);
    const digest = action.digest ?? '';
    if (this.unnamed.has(digest)) return this.find(words, `its digest ${digest} stands twice in the table`);
    const waiting = { words, notedIn: action.notedIn, covered: false };
    const naming = this.unseen.get(digest);
    this.unseen.delete(digest);
    if (naming === undefined) this.unnamed.set(digest, waiting);
    else this.match(waiting, naming);
  }

  /** After the last run and the last action. Answers what is worth knowing. */
  end(): string[] {
    const lost: string[] = [];
    for (const { digest, words, run, recovered } of this.unseen.values()) {
      if (recovered) lost.push(inWords(words));
      else
        this.find(
          words,
          `the table actions has no row with the digest ${digest}, which ${named(run)} names: it was deleted, or rewritten with its digest`,
          run,
        );
    }
    const uncovered: string[] = [];
    for (const { words, notedIn, covered } of this.unnamed.values()) {
      if (notedIn !== undefined)
        this.find(
          words,
          `noted_in is ${notedIn}, and no record of a run of this uid names its digest: one of the two was rewritten, or the row stands twice`,
        );
      else if (!covered) uncovered.push(inWords(words));
    }
    return [
      ...noteOf(uncovered, 'not covered by the chain yet, the record of the next run names it'),
      ...noteOf(
        lost,
        'named by a run and lost with a restored backup; no one can prove any more what it was',
      ),
    ];
  }

  private match(action: WaitingAction, { digest, run, recovered }: Naming): void {
    const noted = action.notedIn === run.runUid;
    // The database did not know of that naming, so the next run after the backup named the action again.
    if (recovered && !noted) return void this.unnamed.set(digest, { ...action, covered: true });
    this.unnamed.delete(digest);
    if (!noted)
      this.find(
        action.words,
        `noted_in is ${shown(action.notedIn)}, and ${named(run)} (uid ${run.runUid}) names it`,
        run,
      );
  }

  private find(action: ActionWords, what: string, run: Partial<Naming['run']> = {}): void {
    const message = `${inWords(action)}: ${what}`;
    this.report({ system: this.system, kind: 'action', ...run, action, message });
  }
}

function namedIn({ json }: StoredRun): { digest: string; words: ActionWords }[] {
  const { status } = jsonObject(json ?? '') ?? {};
  const { actions } = (status ?? {}) as { readonly actions?: unknown };
  if (!Array.isArray(actions)) return [];
  return actions.flatMap((one: Readonly<Record<string, unknown>> | null) => {
    const { kind, time, digest } = one ?? {};
    return typeof digest === 'string'
      ? [{ digest, words: { kind: shown(kind), time: shown(time), actor: undefined } }]
      : [];
  });
}

function wordsOf({ kind, at, actor }: StoredAction): ActionWords {
  return { kind: shown(kind), time: shown(at), actor };
}

function inWords({ kind, time, actor }: ActionWords): string {
  return `${kind} of ${time} by ${actor ?? 'an actor whom only the table names'}`;
}

function named({ sequence, runName }: Naming['run']): string {
  return `the record of sequence ${sequence} (${runName})`;
}

function noteOf(actions: readonly string[], what: string): string[] {
  if (actions.length === 0) return [];
  const more = actions.length > 5 ? ` and ${actions.length - 5} more` : '';
  return [
    `${actions.length} action${actions.length === 1 ? '' : 's'} ${what}: ${actions.slice(0, 5).join('; ')}${more}`,
  ];
}
