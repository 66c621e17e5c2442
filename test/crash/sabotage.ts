// SPDX-License-Identifier: Apache-2.0
import type { ArchivedRun, ChainLink, Hold, RunClaim, RunEnd, Store } from '../../src/store/port.ts';
import type { Sabotage } from './crew.ts';

/*
 * What keeps the promises, taken away one at a time. They show that the auditor would say so; nothing of the product is built like this.
 */

type Change = (sql: string) => void;

/** The port with some methods replaced. */
function instead<Port extends object>(port: Port, methods: Partial<Port>): Port {
  return new Proxy(port, {
    get: (target, name): unknown => Reflect.get(name in methods ? methods : target, name),
  });
}

/** No write asks whether its attempt still has the system. */
export function withoutFence(change: Change): Sabotage {
  const mine = ({ system, runUid, attempt }: Hold) =>
    change(
      `UPDATE systems SET fence_run_uid = '${runUid}', fence_attempt = ${attempt} WHERE system = '${system}'`,
    );
  return {
    database: (store) =>
      instead(store, {
        writePage: (hold, page) => (mine(hold), store.writePage(hold, page)),
        endScope: (hold, end) => (mine(hold), store.endScope(hold, end)),
        endPass: (hold, end, decide) => (mine(hold), store.endPass(hold, end, decide)),
      }),
  };
}

/** A run ends in the cluster first, and its record is written when that was answered. */
export function statusBeforeArchive(): Sabotage {
  const waiting = new Map<string, () => Promise<ArchivedRun>>();
  return {
    store: (store) =>
      instead(store, {
        async finish(hold, build) {
          const record = await recordToCome(store, hold, build);
          waiting.set(hold.runUid, () => store.finish(hold, build));
          return record;
        },
      }),
    cluster: (cluster) =>
      instead(cluster, {
        async updateRunStatus(run, status) {
          const written = await cluster.updateRunStatus(run, status);
          await waiting.get(run.metadata.uid)?.();
          return written;
        },
      }),
  };
}

/** What the record will say: it is built in the transaction that would write it, and that is rolled back. */
async function recordToCome(
  store: Store,
  hold: Hold,
  build: (link: ChainLink) => RunEnd,
): Promise<ArchivedRun> {
  const found = await new Promise<ArchivedRun>((resolve, reject) => {
    const ended = store.finish(hold, (link) => {
      const { json, digest, phase, failureCode, endedAt } = build(link);
      const facts = { json, digest, phase, failureCode, endedAt, runUid: hold.runUid, attempt: hold.attempt };
      const rest = {
        systemUid: '',
        runName: '',
        mode: 'Full',
        trigger: 'Schedule',
        slot: undefined,
      } as const;
      resolve({ ...link, ...rest, ...facts, system: hold.system });
      throw new Error('not yet');
    });
    // A promise is settled once: this is heard of only when no record was built.
    ended.then(resolve, reject);
  });
  return found;
}

let made = 0;

/** The name of a run does not follow from its cause. */
export function namesByChance(): Sabotage {
  return {
    cluster: (cluster) =>
      instead(cluster, {
        createRun: (run) => cluster.createRun({ ...run, name: `${run.name}-${(made += 1)}` }),
      }),
  };
}

/** Two runs may take one slot: to the database each is a little later. */
export function slotsForAll(): Sabotage {
  let taken = 0;
  const shifted = (claim: RunClaim): RunClaim =>
    claim.slot === undefined ? claim : { ...claim, slot: new Date(claim.slot.getTime() + (taken += 1)) };
  return {
    store: (store) =>
      instead(store, {
        claim: (claim) => store.claim(shifted(claim)),
        finishUnclaimed: (claim, build) => store.finishUnclaimed(shifted(claim), build),
      }),
  };
}
