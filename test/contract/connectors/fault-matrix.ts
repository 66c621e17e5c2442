// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FailureCode } from '../../../src/api/failure.ts';
import type { RunMode, SyncRunStatus } from '../../../src/api/sync-run.ts';
import { ConnectorBench, connectorOf } from './suite-bench.ts';
import type { FaultFacts } from './fault-facts.ts';
import type { ConnectorHarness, Place } from './harness.ts';
import { httpFaults } from './http-faults.ts';
import { ldapFaults } from './ldap-faults.ts';
import { endAnswersThatDrip } from './drip.ts';

/** What stands for the requests of no stream in the names of tests. */
const shared = 'the requests that streams share';

const faultsOf = (harness: ConnectorHarness): [kind: string, facts: FaultFacts][] => {
  const { without } = harness as { without: Readonly<Record<string, string>> };
  const all: Readonly<Record<string, FaultFacts>> = harness.transport === 'http' ? httpFaults : ldapFaults;
  return Object.entries(all).filter(([kind]) => !Object.hasOwn(without, kind));
};

/**
 * Every fault at the first, a middle and the last request of every stream, and of what streams share. Each case begins with a database that a
 * good run has filled and that is behind: what changed since is neither lost nor does a record go.
 */
export function testFaults(harness: ConnectorHarness): void {
  const streams = [...connectorOf(harness).streams.map(({ name }) => name), undefined];
  const places = streams.flatMap((stream) =>
    faultsOf(harness).map(([kind, facts]) => [kind, stream ?? shared, stream, facts] as const),
  );
  const passing = places.filter(([, , stream, { passes }]) => passes === true && stream !== undefined);
  let matrix: FaultMatrix;

  describe(`${harness.id} loses nothing and invents nothing`, () => {
    beforeAll(async () => {
      matrix = await FaultMatrix.start(harness);
    });
    afterAll(() => matrix.end());

    test.each(places)('%s in %s: a full run', { timeout: 60_000 }, async (kind, _, stream, facts) => {
      const requests = matrix.requests('Full', stream);
      if (stream !== undefined) expect(requests, 'pages to go wrong at').toBeGreaterThan(1);
      for (const request of new Set([0, Math.floor(requests / 2), requests - 1]))
        await matrix.lasting('Full', kind, { stream, request }, facts);
    });

    test.each(places)('%s in %s: an incremental run', { timeout: 60_000 }, async (kind, _, stream, facts) => {
      await matrix.lasting(
        'Incremental',
        kind,
        { stream, request: matrix.requests('Incremental', stream) - 1 },
        facts,
      );
    });

    test.each(passing)('%s in %s, once: the retry reads it', async (kind, _, stream) => {
      await matrix.passing(kind, { stream, request: Math.floor(matrix.requests('Full', stream) / 2) });
    });
  });
}

class FaultMatrix {
  private readonly bench: ConnectorBench;
  private readonly harness: ConnectorHarness;
  private before = '';
  /** Live records before and after the change. */
  private old: ReturnType<ConnectorBench['live']> = {};
  private reference: ReturnType<ConnectorBench['live']> = {};
  private readonly asked = new Map<RunMode, readonly (string | undefined)[]>();

  private constructor(bench: ConnectorBench, harness: ConnectorHarness) {
    this.bench = bench;
    this.harness = harness;
  }

  static async start(harness: ConnectorHarness): Promise<FaultMatrix> {
    const matrix = new FaultMatrix(await ConnectorBench.start(harness), harness);
    await matrix.prepare();
    return matrix;
  }

  async end(): Promise<void> {
    await this.bench[Symbol.asyncDispose]();
  }

  private async prepare(): Promise<void> {
    const { bench } = this;
    this.before = bench.use();
    const first = await bench.run();
    expect(first.status, 'the first load').toMatchObject({ phase: 'Succeeded' });
    this.old = bench.live();
    await bench.system.change();
    bench.use();
    await bench.run();
    this.reference = bench.live();
    for (const mode of ['Full', 'Incremental'] as const) {
      bench.use(this.before);
      bench.system.lift();
      const { status } = await bench.run({ mode });
      expect(status, `a ${mode} run without any fault`).toMatchObject({ phase: 'Succeeded' });
      expect(bench.live(), `what a ${mode} run without any fault brings`).toEqual(this.reference);
      this.asked.set(mode, [...bench.system.asked]);
      bench.drop();
    }
  }

  /** How many requests of a stream a run without faults makes. */
  requests(mode: RunMode, stream: string | undefined): number {
    return this.asked.get(mode)?.filter((asked) => asked === stream).length ?? 0;
  }

  /** A fault that lasts as long as the run, at a request or, where there is no place for it there, at the nearest before. */
  async lasting(mode: RunMode, kind: string, { stream, request }: Place, facts: FaultFacts): Promise<void> {
    const { bench } = this;
    for (let at = request; at >= 0; at -= 1) {
      bench.use(this.before);
      const hits = bench.system.fault(kind, { stream, request: at });
      const { status } = await endAnswersThatDrip(bench.system, () =>
        bench.run({ mode, hasty: facts.slow === true }),
      );
      const where = `${kind} at request ${at} of ${stream ?? shared} in a ${mode} run: ${JSON.stringify(status)}`;
      if (hits() > 0) this.judge(status, kind, stream, facts, where);
      else expect(status.phase, where).toBe('Succeeded');
      await this.nextRunIsRight(where);
      if (hits() > 0) return;
    }
  }

  /** A fault that happens once, while one retry is allowed. */
  async passing(kind: string, place: Place): Promise<void> {
    const { bench } = this;
    bench.use(this.before);
    const hits = bench.system.fault(kind, place, 1);
    const { status } = await endAnswersThatDrip(bench.system, () => bench.run({ mode: 'Full', retries: 1 }));
    expect(hits(), 'times it went wrong').toBe(1);
    expect(status).toMatchObject({ phase: 'Succeeded', totals: { deleted: 0, failed: 0 } });
    expect(bench.live()).toEqual(this.reference);
    bench.system.lift();
    bench.drop();
  }

  private judge(
    status: SyncRunStatus,
    kind: string,
    stream: string | undefined,
    { codes, mayBeHarmless }: FaultFacts,
    where: string,
  ): void {
    const { bench } = this;
    const also = (this.harness.alsoMeans ?? {}) as Readonly<Record<string, readonly FailureCode[]>>;
    expect(status.totals?.deleted ?? 0, `deleted; ${where}`).toBe(0);
    expect(bench.system.strays, 'where a hostile answer leads').toEqual([]);
    const live = bench.live();
    for (const [name, records] of Object.entries(this.old)) {
      const kept = new Set(idsOf(live[name]));
      const lost = idsOf(records).filter((id) => !kept.has(id));
      expect(lost, `records of ${name} that are lost; ${where}`).toEqual([]);
    }
    // What streams share may be something that they can do without.
    const harmless = mayBeHarmless === true || stream === undefined;
    if (harmless && status.phase === 'Succeeded') {
      expect(live, `what a run that succeeded has read; ${where}`).toEqual(this.reference);
      return;
    }
    expect(status.phase, where).toMatch(/^(?:Failed|PartiallySucceeded|Cancelled)$/u);
    expect([...codes, ...(also[kind] ?? [])], where).toContain(status.failure?.code);
    if (stream === undefined) return;
    const told = status.streams?.find(({ name }) => name === stream);
    expect(told?.complete ?? false, `complete; ${where}`).toBe(false);
  }

  private async nextRunIsRight(where: string): Promise<void> {
    const { bench } = this;
    bench.system.lift();
    const { status } = await bench.run();
    const after = `the run after ${where}`;
    expect(status, after).toMatchObject({ phase: 'Succeeded', totals: { deleted: 0, failed: 0 } });
    expect(bench.live(), after).toEqual(this.reference);
    bench.drop();
  }
}

function idsOf(records: readonly string[] = []): readonly string[] {
  return records.map((record) => record.split(' ')[0] ?? '');
}
