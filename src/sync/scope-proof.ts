// SPDX-License-Identifier: Apache-2.0
import { bounded } from '../api/bounded.ts';
import type { StreamEvidence } from '../api/sync-run.ts';
import type { ReadEvent } from '../connector/contract.ts';
import { countedFacts, type CountedFacts } from '../connector/evidence.ts';
import { Failure } from '../connector/failure.ts';
import type { Pass, PassScope, ScopeStanding } from '../store/port.ts';

/** A scope without any row is believed on its word when no more live records than these would go with it. */
export const fewRecords = 5;

/** What is known of a scope whose reader has come to its end. */
export interface ScopeProof {
  /** Full also when it was read in full earlier in this pass and has only been caught up since. */
  readonly coverage: 'Full' | 'Window' | 'unverified';
  /** No cursor was offered: everything was asked for. */
  readonly askedInFull: boolean;
  readonly evidence: CountedFacts;
}

/** What was found of the records that only look gone, as far as it was looked for. */
export type ReviewSummary = Pick<StreamEvidence, 'young' | 'probed' | 'present' | 'stated'>;

/** What an end proves, and the evidence to keep: a scope that was read in full earlier in this pass keeps what proved that. Pure. */
export function proofOfEnd(
  { coverage, evidence }: Extract<ReadEvent, { type: 'end' }>,
  { ended }: Pick<PassScope, 'ended'>,
  askedInFull: boolean,
): { readonly proof: ScopeProof; readonly evidence: unknown } {
  if (ended?.coverage !== 'Full' || coverage === 'Full') {
    // Who reads everything although a cursor was offered proves as much, and is doubted as much.
    return { proof: { coverage, askedInFull: askedInFull || coverage === 'Full', evidence }, evidence };
  }
  const whole = countedFacts(ended.evidence);
  const kept = { ...(ended.evidence === undefined ? {} : Object(ended.evidence)), caughtUp: evidence };
  return { proof: { coverage: 'Full', askedInFull: true, evidence: whole }, evidence: kept };
}

/** The same of a scope that ended in an earlier attempt. */
export function proofOfEarlier(
  { coverage, evidence }: NonNullable<PassScope['ended']>,
  mode: Pass['mode'],
): ScopeProof {
  return {
    coverage,
    askedInFull: coverage === 'Full' || mode === 'Full',
    evidence: countedFacts(evidence),
  };
}

/** By how much the vendor's own total is larger than what was read and what was found gone meanwhile. */
function shortBy({ rows, counted, gone = 0 }: CountedFacts): number {
  return rows === undefined || counted === undefined ? 0 : Math.max(0, counted - rows - gone);
}

/** Why a scope that claims to be read in full is not: fewer rows than the vendor counts. Pure. */
export function disbeliefOfCount(stream: string, scope: string, proof: ScopeProof): Failure | undefined {
  const short = proof.coverage === 'Full' ? shortBy(proof.evidence) : 0;
  if (short === 0) return undefined;
  const { counted = 0 } = proof.evidence;
  return new Failure(
    'contract',
    `${stream}: of ${counted} rows that the vendor counts in scope ${scope} ${short} were not given; nothing is taken as deleted`,
  );
}

/**
 * Why a scope that was asked for in full and gave nothing is not taken for empty, although its reader came to the end. One that the vendor does
 * not offer keeps whatever stands in it. An answer without rows is what a lost right, a changed filter of the vendor or a broken search gives too, so that many records go only when
 * the vendor itself counted none, and said so again when it was asked a second time. Pure.
 */
export function disbeliefOfEmptiness(
  stream: string,
  { scope, live, seen }: ScopeStanding,
  proof: ScopeProof | undefined,
): Failure | undefined {
  if (proof === undefined || !proof.askedInFull || proof.coverage === 'unverified') return undefined;
  const { notOffered } = proof.evidence;
  if (notOffered !== undefined) {
    const message = `${stream}: ${notOffered}; the ${live} records of scope ${scope} stay as they were last read`;
    return live === 0 ? undefined : new Failure('permission', message);
  }
  if (seen > 0 || live <= fewRecords) return undefined;
  const { counted, emptyTwice = false } = proof.evidence;
  if (proof.coverage === 'Full' && counted === 0 && emptyTwice) return undefined;
  const lack = counted === 0 ? 'and was not asked a second time' : 'and its own count does not say that';
  return new Failure(
    'permission',
    `${stream}: scope ${scope} gave no rows where ${live} live records stand: the vendor answers as if it were empty, ${lack}; nothing is taken as deleted; check what the account may see`,
  );
}

/** What the record of a run says of the proof: the sums over all scopes; nothing when no scope came to its end. Pure. */
export function evidenceOf(
  proofs: ReadonlyMap<string, ScopeProof>,
  reviewed?: ReviewSummary,
): { readonly evidence?: StreamEvidence } {
  if (proofs.size === 0) return {};
  const facts = [...proofs.values()].map(({ evidence }) => evidence);
  const totals = facts.flatMap(({ counted }) => counted ?? []);
  const unproven = [...proofs.values()].filter(
    ({ askedInFull, coverage }) => askedInFull && coverage === 'Window',
  ).length;
  const notOffered = facts.filter((fact) => fact.notOffered !== undefined).length;
  const last = facts.length === 1 ? facts[0]?.last : undefined;
  const evidence = {
    rows: facts.reduce((sum, { rows = 0 }) => sum + rows, 0),
    ...(totals.length === 0 ? {} : { counted: totals.reduce((sum, counted) => sum + counted, 0) }),
    scopesCounted: totals.length,
    scopesAgreed: facts.filter((fact) => fact.counted !== undefined && agrees(fact)).length,
    ...(unproven === 0 ? {} : { scopesUnproven: unproven }),
    ...(notOffered === 0 ? {} : { scopesNotOffered: notOffered }),
    ...(last === undefined || last === '' ? {} : { last: bounded(last, 64) }),
    ...reviewed,
  };
  return { evidence };
}

function agrees(fact: CountedFacts): boolean {
  return fact.rows !== undefined && shortBy(fact) === 0;
}
