// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { GivenApproval, PassTally, PassVerdict, RunProposals } from '../../src/store/port.ts';
import {
  at,
  claimOf,
  ContractBench,
  ended,
  endOf,
  full,
  fullPass,
  longAgo,
  page,
  pass,
  record,
  verdictOf,
  type OpenStore,
} from './contract-bench.ts';

const system = 'inventory/cmdb';
const sha256 = (text: string) => `sha256:${hash('sha256', text, 'hex')}`;
/** As the documentation defines it. */
const digestOf = (stream: string, ids: readonly string[]) => {
  const list = sha256(ids.map((id) => `${JSON.stringify(id)}\n`).join(''));
  return sha256(`${JSON.stringify(stream)} ${ids.length} ${list}\n`);
};

/** Lists of deletions that wait for a person. */
export function proposalContract(engine: string, open: OpenStore): void {
  const bench = new ContractBench(open);

  interface Run {
    readonly sees: readonly string[];
    readonly removed?: readonly string[];
    readonly verdict: (tally: PassTally) => PassVerdict;
    readonly approval?: GivenApproval;
    readonly mode?: 'Full' | 'Incremental';
  }
  const run = async (runUid: string, { sees, removed = [], verdict, approval, mode = 'Full' }: Run) => {
    const hold = await bench.store.claim(claimOf(runUid));
    const { id } = await bench.store.beginPass(hold, { ...pass, mode, fullSince: at(50) });
    const rows = sees.map((one) => record(one, `Name of ${one}`));
    await bench.store.writePage(hold, page(id, rows, { removed }));
    const coverage = mode === 'Full' ? 'Full' : 'Window';
    const end = full(id);
    await bench.store.endScope(hold, { ...end, verdict: { ...end.verdict, coverage } });
    await bench.store.endPass(hold, { ...ended(id), approval }, verdict);
    const [stream] = await bench.store.progress(runUid);
    let proposals: RunProposals | undefined;
    await bench.store.finish(hold, (link) => {
      proposals = link.proposals;
      return endOf(runUid)(link);
    });
    return { deleted: stream?.tally.deleted, ...proposals };
  };
  const proposing = (given: Partial<PassVerdict['delete']> = {}) => ({
    verdict: () => ({ ...verdictOf(given)(), propose: { absent: true } }),
  });
  const approvalOf = async (notBefore = longAgo): Promise<GivenApproval> => {
    const proposal = await bench.store.openProposal(system);
    if (proposal === undefined) throw new Error('nothing is proposed');
    return { runName: proposal.runName, digest: proposal.digest, notBefore };
  };

  describe(`${engine}: proposed deletions`, () => {
    it('are kept with their ids, a sample and a digest in bytewise order, and are in the record of the run', async () => {
      await fullPass(
        bench.store,
        'run-1',
        ['a', 'é', 'z', 'Z', 'ab', '"q"', '😀', 'stays'].map((id) => record(id)),
      );
      const { proposed } = await run('run-2', { sees: ['stays'], removed: ['ab'], ...proposing() });
      const ids = ['"q"', 'Z', 'a', 'ab', 'z', 'é', '😀'];
      const digest = digestOf('groups', ids);
      expect(proposed).toEqual({ records: 7, digest });
      expect(await bench.liveIds()).toHaveLength(8);
      const { proposal } = await bench.store.history(system, 'system-uid');
      expect(proposal).toMatchObject({
        runName: 'name-of-run-2',
        digest,
        records: 7,
        waiting: 7,
        state: 'open',
      });
      expect(proposal?.sample.map(({ externalId }) => externalId)).toEqual(ids.slice(0, 5));
      expect(await bench.store.proposalOfRun(system, 'name-of-run-2')).toEqual(proposal);
      const first = await bench.store.proposedRecords(system, 'name-of-run-2', undefined, 4);
      const rest = await bench.store.proposedRecords(system, 'name-of-run-2', first.at(-1), 4);
      expect([...first, ...rest].map(({ externalId }) => externalId)).toEqual(ids);
      expect(rest.at(-1)).toEqual({ stream: 'groups', externalId: '😀', name: '😀' });
    });

    it('are only those that the vendor states as gone while absence is not proven', async () => {
      await fullPass(
        bench.store,
        'run-1',
        ['a', 'b', 'c'].map((id) => record(id)),
      );
      const verdict = () => ({ ...verdictOf({})(), propose: { absent: false } });
      const { proposed } = await run('run-2', { sees: ['a'], removed: ['c'], verdict });
      expect(proposed).toEqual({ records: 1, digest: digestOf('groups', ['c']) });
    });

    it('that are approved are counted for the decision, and exactly those that are gone still go', async () => {
      await fullPass(
        bench.store,
        'run-1',
        ['a', 'b', 'c', 'd', 'e'].map((id) => record(id)),
      );
      const { proposed } = await run('run-2', { sees: ['d', 'e'], ...proposing() });
      let seen: PassTally | undefined;
      const approval = await approvalOf();
      const third = await run('run-3', {
        sees: ['a', 'e'],
        removed: ['c'],
        approval,
        verdict: (tally) => {
          seen = tally;
          return verdictOf({ approved: true })();
        },
      });
      expect(seen?.scopes).toMatchObject([{ absent: 2, removed: 1, approved: { absent: 1, removed: 1 } }]);
      expect(third).toMatchObject({
        deleted: 2,
        proposed: undefined,
        approved: { token: `name-of-run-2@${proposed?.digest}`, deleted: 2 },
      });
      expect(await bench.liveIds()).toEqual(['a', 'd', 'e']);
      expect(await bench.store.openProposal(system)).toBeUndefined();
      const used = await bench.store.proposalOfRun(system, 'name-of-run-2');
      expect(used).toMatchObject({ state: 'used', usedBy: 'name-of-run-3' });
      // Neither the budget of the next day nor a second run knows of it.
      await run('run-4', {
        sees: ['d'],
        approval,
        verdict: (tally) => {
          seen = tally;
          return verdictOf({ approved: true })();
        },
      });
      expect(seen).toMatchObject({ systemRecentlyDeleted: 0 });
      expect(seen?.scopes[0]?.approved).toBeUndefined();
      expect(await bench.liveIds()).toEqual(['a', 'd', 'e']);
    });

    it('speak for no pass that is incremental, too late, of another digest or of another run', async () => {
      /** What the transaction that closes a pass sees of an approval; the pass stays open. */
      const look = async (runUid: string, mode: 'Full' | 'Incremental', approval: GivenApproval) => {
        const hold = await bench.store.claim(claimOf(runUid));
        const opened = await bench.store.beginPass(hold, { ...pass, mode, fullSince: at(50) });
        expect(opened.mode).toBe(mode);
        const end = full(opened.id);
        await bench.store.writePage(hold, page(opened.id, [record('a')], { removed: ['b'] }));
        const coverage = mode === 'Full' ? 'Full' : 'Window';
        await bench.store.endScope(hold, { ...end, verdict: { ...end.verdict, coverage } });
        const looked = new Error('only looked at');
        let seen: PassTally | undefined;
        await bench.store
          .endPass(hold, { ...ended(opened.id), approval }, (tally) => {
            seen = tally;
            throw looked;
          })
          .catch((error: unknown) => expect(error).toBe(looked));
        expect(seen?.scopes).toMatchObject([{ live: 3, removed: 1 }]);
        return seen?.scopes[0]?.approved;
      };
      const hold = await bench.store.claim(claimOf('run-1'));
      const { id } = await bench.store.beginPass(hold, pass);
      await bench.store.writePage(hold, page(id, [record('a'), record('b'), record('c')]));
      const end = full(id);
      await bench.store.endScope(hold, { ...end, verdict: { ...end.verdict, cursor: { until: 1 } } });
      await bench.store.endPass(hold, ended(id), verdictOf({}));
      await bench.store.finish(hold, endOf('run-1'));
      await run('run-2', { sees: ['a'], ...proposing() });
      const right = await approvalOf();
      expect(await look('look-1', 'Incremental', right)).toBeUndefined();
      expect(await look('look-2', 'Full', { ...right, notBefore: at(4) })).toBeUndefined();
      const digest = `${right.digest.slice(0, -1)}x`;
      expect(await look('look-3', 'Full', { ...right, digest })).toBeUndefined();
      expect(await look('look-4', 'Full', { ...right, runName: 'name-of-run-1' })).toBeUndefined();
      expect(await look('look-5', 'Full', right)).toEqual({ absent: 1, removed: 1 });
      expect(await bench.store.openProposal(system)).toMatchObject({ state: 'open' });
    });

    it('are replaced by those of a newer run, and settled by a full pass that needs no approval; not by an incremental one', async () => {
      await fullPass(
        bench.store,
        'run-1',
        ['a', 'b', 'c'].map((id) => record(id)),
      );
      await run('run-2', { sees: ['a'], ...proposing() });
      const incremental = {
        ...verdictOf({})(),
        stream: { ...verdictOf({})().stream, mode: 'Incremental' as const },
      };
      await run('run-3', { sees: [], mode: 'Incremental', verdict: () => incremental });
      expect(await bench.store.openProposal(system)).toMatchObject({ runName: 'name-of-run-2' });
      await run('run-4', { sees: ['a', 'b'], ...proposing() });
      expect(await bench.store.openProposal(system)).toMatchObject({ runName: 'name-of-run-4', waiting: 1 });
      expect(await bench.store.proposalOfRun(system, 'name-of-run-2')).toMatchObject({ state: 'superseded' });
      await run('run-5', { sees: ['a', 'b', 'c'], verdict: verdictOf({}) });
      expect(await bench.store.openProposal(system)).toBeUndefined();
      expect(await bench.store.proposalOfRun(system, 'name-of-run-4')).toMatchObject({ state: 'settled' });
      expect(await bench.tested.query('SELECT external_id FROM proposed_deletions')).toEqual([]);
    });
  });
}
