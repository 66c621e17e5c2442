// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type {
  ChainLink,
  HashedRecord,
  Hold,
  PassTally,
  PassVerdict,
  RunClaim,
  RunEnd,
  Store,
} from '../../src/store/port.ts';

/** A database of its own for one test, and what a reader of it sees. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Another connection to the same database, as a second process has. */
  readonly second: () => Promise<Store>;
  readonly query: (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** What nobody but a test does to it. */
  readonly change: (sql: string) => Promise<void>;
  close(): Promise<void>;
}

export const at = (minute: number) => new Date(Date.UTC(2026, 2, 1, 10, minute));
export const longAgo = new Date(0);

export function claimOf(runUid: string, given: Partial<RunClaim> = {}): RunClaim {
  return {
    system: 'inventory/cmdb',
    systemUid: 'system-uid',
    systemGeneration: 1,
    runUid,
    runName: `name-of-${runUid}`,
    attempt: 1,
    mode: 'Incremental',
    trigger: 'Manual',
    slot: undefined,
    correlationId: `correlation-of-${runUid}`,
    worker: 'worker-1',
    demo: false,
    at: at(0),
    ...given,
  };
}

export const pass = {
  stream: 'groups',
  record: 'Group',
  mode: 'Full',
  source: 'vendor https://a.example.com',
  fingerprint: 'f1',
  notBefore: longAgo,
  fullSince: at(0),
  at: at(1),
} as const;

/** That a member belongs to a group; its name is what may change of it. */
export function membership(groupId: string, memberId: string, name = 'member'): HashedRecord {
  const columns = { groupId, memberId, name };
  const externalId = `${groupId}/${memberId}`;
  return { record: { externalId, columns, attributes: {} }, hash: hash('sha256', name, 'hex') };
}

export function record(externalId: string, name = externalId): HashedRecord {
  return { record: { externalId, columns: { name }, attributes: {} }, hash: hash('sha256', name, 'hex') };
}

export function page(passId: number, records: readonly HashedRecord[], given: object = {}) {
  return {
    passId,
    scope: 'all',
    records,
    setAside: [],
    removed: [],
    checkpoint: { after: records.at(-1)?.record.externalId ?? '' },
    fetched: records.length,
    at: at(2),
    ...given,
  };
}

export const full = (passId: number) =>
  ({
    passId,
    scope: 'all',
    verdict: { type: 'verified', coverage: 'Full', evidence: {} },
    at: at(3),
  }) as const;
/** The same with a cursor: the next incremental pass goes on from here, unless something keeps it from doing so. */
export function withCursor(passId: number, scope: string) {
  const { verdict, ...end } = full(passId);
  return { ...end, scope, verdict: { ...verdict, cursor: { of: scope } } };
}
export const ended = (id: number, minute = 4) => ({ passId: id, at: at(minute), budgetSince: longAgo });

export function verdictOf(given: Partial<PassVerdict['delete']>, keepCursors = true): () => PassVerdict {
  const stream = {
    mode: 'Full',
    complete: true,
    scopesTotal: 1,
    scopesVerified: 1,
    unverified: [],
    withheld: 0,
  } as const;
  return () => ({ delete: { absent: false, removed: false, ...given }, keepCursors, stream });
}
export const deleteAll = verdictOf({ absent: true, removed: true });
export const deleteNothing = verdictOf({});

/** The end of a run whose record is these words. */
export function endOf(words: string, given: Partial<RunEnd> = {}): (link: ChainLink) => RunEnd {
  return () => ({
    phase: 'Succeeded',
    failureCode: undefined,
    endedAt: at(4),
    fullAt: undefined,
    verdict: true,
    json: JSON.stringify({ words }),
    digest: `sha256:${hash('sha256', words, 'hex')}`,
    ...given,
  });
}

/** A pass over one scope that sees exactly these records, in pages of two, and ends the run. */
export async function fullPass(
  store: Store,
  runUid: string,
  records: readonly HashedRecord[],
  scope = 'all',
) {
  const hold = await store.claim(claimOf(runUid));
  const { id } = await store.beginPass(hold, { ...pass, fullSince: at(50) });
  for (let index = 0; index < records.length; index += 2) {
    await store.writePage(hold, page(id, records.slice(index, index + 2), { scope }));
  }
  await store.endScope(hold, { ...full(id), scope });
  await store.endPass(hold, ended(id), deleteAll);
  const [stream] = await store.progress(runUid);
  await store.finish(hold, endOf(runUid));
  return stream?.tally;
}

export type OpenStore = () => Promise<StoreUnderTest>;

/** A database for each test of the suite in which it is called, or one for all of them, and what the tests ask of it. */
export class ContractBench {
  private current: StoreUnderTest | undefined;

  constructor(open: OpenStore, lifetime: 'test' | 'suite' = 'test') {
    const [before, after] = lifetime === 'test' ? [beforeEach, afterEach] : [beforeAll, afterAll];
    before(async () => {
      this.current = await open();
    });
    after(() => this.tested.close());
  }

  get tested(): StoreUnderTest {
    if (this.current === undefined) throw new Error('no test is running');
    return this.current;
  }

  get store(): Store {
    return this.tested.store;
  }

  async liveIds(): Promise<unknown[]> {
    const rows = await this.tested.query(
      'SELECT external_id FROM groups WHERE deleted_at IS NULL ORDER BY external_id',
    );
    return rows.map((row) => row['external_id']);
  }

  /** What a pass has come to; it is closed without any deletion, unless it is to stay open. */
  async tallyOf(hold: Hold, id: number, close = true): Promise<PassTally> {
    let seen: PassTally | undefined;
    const stop = new Error('only looked at');
    await this.store
      .endPass(hold, ended(id), (tally) => {
        seen = tally;
        if (!close) throw stop;
        return deleteNothing();
      })
      .catch((error: unknown) => {
        if (error !== stop) throw error;
      });
    if (seen === undefined) throw new Error('the store asked for no verdict');
    return seen;
  }
}
