// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../connector/failure.ts';
import type { CountedFacts } from '../connector/evidence.ts';
import type { Pass } from '../store/port.ts';
import { proofOfEarlier, type ScopeProof } from './scope-proof.ts';

export interface OpenScope {
  readonly scope: string;
  readonly failure: Failure;
}

/**
 * What is known of the scopes of one reading, and that the reader keeps to its contract: pages, then exactly one end per scope. A
 * reader that breaks it has not proven anything, so that is a contract failure.
 */
export class ScopeLedger {
  private readonly ended = new Set<string>();
  private readonly open = new Set<string>();
  private readonly good = new Set<string>();
  private readonly bad = new Map<string, Failure>();
  /** Scopes with a row whose id could not be read. */
  private readonly tainted = new Set<string>();
  private readonly known = new Map<string, ScopeProof>();

  constructor(pass?: Pass) {
    for (const [scope, state] of pass?.scopes ?? []) {
      if (state.ended !== undefined) {
        this.good.add(scope);
        this.known.set(scope, proofOfEarlier(state.ended, pass?.mode ?? 'Incremental'));
      }
      if (state.tainted) this.tainted.add(scope);
    }
  }

  get total(): number {
    return this.good.size + this.bad.size;
  }

  get verified(): number {
    return this.good.size;
  }

  get proofs(): ReadonlyMap<string, ScopeProof> {
    return this.known;
  }

  get unverified(): readonly OpenScope[] {
    return [...this.bad].map(([scope, failure]) => ({ scope, failure }));
  }

  /** Has pages of this attempt, and no end yet. */
  isOpen(scope: string): boolean {
    return this.open.has(scope);
  }

  page(scope: string, unreadableIds: number): void {
    this.checkOpen(scope);
    this.open.add(scope);
    if (unreadableIds > 0) this.tainted.add(scope);
  }

  /** Whether a row whose id could not be read came in this scope: nobody can say then which of its records were seen. */
  isTainted(scope: string): boolean {
    return this.tainted.has(scope);
  }

  /** Answers why the end is no proof, if so. */
  end(stream: string, scope: string): Failure | undefined {
    this.checkOpen(scope);
    if (!this.tainted.has(scope)) return undefined;
    return new Failure(
      'contract',
      `${stream}: a row of scope ${scope} has no readable id, so nobody can say what was seen`,
    );
  }

  setVerified(scope: string, proof: ScopeProof): void {
    this.close(scope);
    this.good.add(scope);
    this.known.set(scope, proof);
  }

  /** Also of one that ended before, when what it claimed is not believed. */
  setUnverified(scope: string, failure: Failure, evidence: CountedFacts = {}): void {
    this.close(scope);
    this.good.delete(scope);
    this.bad.set(scope, failure);
    this.known.set(scope, { coverage: 'unverified', askedInFull: false, evidence });
  }

  /** Scopes whose reader stopped without a word. */
  leftOpen(stream: string): readonly OpenScope[] {
    return [...this.open].map((scope) => ({
      scope,
      failure: new Failure('contract', `${stream}: the reading of scope ${scope} stopped without an end`),
    }));
  }

  private close(scope: string): void {
    this.open.delete(scope);
    this.ended.add(scope);
  }

  private checkOpen(scope: string): void {
    if (!this.ended.has(scope)) return;
    throw new Failure('contract', `scope ${scope} went on after its end`);
  }
}
