// SPDX-License-Identifier: Apache-2.0
import type { FailureCode } from '../api/failure.ts';
import type { BoundStream } from '../connector/contract.ts';
import { Failure } from '../connector/failure.ts';
import type { Hold, Pass, PassWriter } from '../store/port.ts';
import { misreadScopes, probeCandidates, probeLimit } from './probe.ts';
import type { OpenScope, ScopeLedger } from './scope-ledger.ts';
import { disbeliefOfEmptiness, type ReviewSummary } from './scope-proof.ts';

export interface ReviewContext {
  readonly store: PassWriter;
  readonly hold: Hold;
  readonly pass: Pass;
  readonly stream: BoundStream;
  readonly ledger: ScopeLedger;
  /** Whether absent records are going to be deleted at all. */
  readonly probes: boolean;
  /** Throws when the attempt must stop. */
  readonly mayGoOn: () => void;
  /** Makes a scope that came to its end an unverified one. */
  readonly disbelieve: (scope: string, failure: Failure) => Promise<void>;
}

/** Looks at a pass that came to its end, before absence speaks: for scopes that only look empty, and records that only look gone. */
export async function review(context: ReviewContext): Promise<ReviewSummary | undefined> {
  const { ledger, probes, disbelieve } = context;
  for (const { scope, failure } of await emptiedScopes(context)) await disbelieve(scope, failure);
  const full = [...ledger.proofs.values()].some(({ coverage }) => coverage === 'Full');
  if (!probes || !full) return undefined;
  const young = await keepYoung(context);
  const { unverified, said } = await probeAbsent(context);
  for (const { scope, failure } of unverified) await disbelieve(scope, failure);
  return young === 0 ? said : { ...said, young };
}

/** Records that the vendor's replicas may not show yet; answers how many. */
async function keepYoung({
  store,
  hold,
  pass,
  stream: { replicationLagMs },
}: ReviewContext): Promise<number> {
  if (replicationLagMs === 0) return 0;
  return store.sightYoung(hold, pass.id, new Date(pass.startedAt.getTime() - replicationLagMs));
}

/** Scopes that were asked for in full and gave nothing, though many live records were seen there last, and do not prove it. */
async function emptiedScopes({
  store,
  pass,
  stream,
  ledger: { proofs },
}: ReviewContext): Promise<OpenScope[]> {
  const unproven = [...proofs.values()].some(
    ({ askedInFull, coverage, evidence }) =>
      askedInFull && coverage !== 'unverified' && (evidence.rows ?? 0) === 0,
  );
  // Only where it may matter: the question goes through all records of the stream.
  if (!unproven) return [];
  return (await store.standing(pass.id)).flatMap((standing) => {
    const failure = disbeliefOfEmptiness(stream.name, standing, proofs.get(standing.scope));
    return failure === undefined ? [] : { scope: standing.scope, failure };
  });
}

interface ProbeOutcome {
  readonly unverified: readonly OpenScope[];
  readonly said: ReviewSummary | undefined;
}

/**
 * Asks the vendor for the records that look gone, where it lets us: those that are there live on, and one that is there but not shown tells that
 * the scope was not read in full. Outside of any transaction; what is found is written as seen before the pass is decided.
 */
async function probeAbsent(context: ReviewContext): Promise<ProbeOutcome> {
  const { store, hold, pass, stream, ledger, mayGoOn } = context;
  const { probe } = stream;
  if (probe === undefined) return { unverified: [], said: undefined };
  const candidates = await store.candidates(pass.id, probeLimit(probe));
  if (candidates.length === 0) return { unverified: [], said: undefined };
  try {
    const probed = await probeCandidates(probe, candidates, mayGoOn);
    const { asked, present, hidden, stated } = probed;
    // Absence waits for the other scopes; what the vendor states need not.
    if (ledger.unverified.length > 0) await store.stateGone(hold, pass.id, stated);
    const alive = [...present, ...hidden];
    if (alive.length > 0) await store.sightAgain(hold, pass.id, alive);
    return {
      unverified: misreadScopes(stream.name, probed),
      said: { probed: asked, present: alive.length, stated: stated.length },
    };
  } catch (error) {
    if (!concernsStream(error)) throw error;
    const failure = new Failure(error.code, `asking for what looks gone: ${error.message}`, { cause: error });
    const scopes = new Set(candidates.map(({ scope }) => scope));
    return { unverified: [...scopes].map((scope) => ({ scope, failure })), said: undefined };
  }
}

/** What concerns this stream; others stop the run, as they do while it reads. */
function concernsStream(error: unknown): error is Failure {
  return error instanceof Failure && probeFailures.has(error.code);
}

const probeFailures: ReadonlySet<FailureCode> = new Set([
  'permission',
  'configuration',
  'contract',
  'unavailable',
]);
