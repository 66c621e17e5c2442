// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConnectorBench, connectorOf } from './suite-bench.ts';
import type { ConnectorHarness, ExpectedStream } from './harness.ts';

/** What a connector says that it can do is what it does, on a small system whose records are all known. The tests go on from one another. */
export function testCapabilities(harness: ConnectorHarness): void {
  const { id, auth, expected, overlap = {} } = harness;
  const connector = connectorOf(harness);
  const { streams } = connector;
  const each = <Value>(value: (expected: ExpectedStream, stream: string) => Value) =>
    Object.fromEntries(Object.entries(expected).map(([name, facts]) => [name, value(facts, name)]));
  let bench: ConnectorBench;

  describe(`${id} with auth.type ${auth}`, () => {
    beforeAll(async () => {
      bench = await ConnectorBench.start(harness);
    });
    afterAll(() => bench[Symbol.asyncDispose]());

    const countsOf = async (options: Parameters<ConnectorBench['run']>[0]) => {
      const { status } = await bench.run(options);
      expect(status, JSON.stringify(status)).toMatchObject({ phase: 'Succeeded', totals: { failed: 0 } });
      return Object.fromEntries((status.streams ?? []).map((stream) => [stream.name, stream]));
    };

    test('its harness knows every stream', () => {
      expect(Object.keys(expected).toSorted()).toEqual(streams.map(({ name }) => name).toSorted());
    });

    test('mode Test finds nothing missing, and says so of every stream', async () => {
      const { status } = await bench.run({ mode: 'Test' });
      expect(status, JSON.stringify(status)).toMatchObject({ phase: 'Succeeded' });
      for (const { name } of streams)
        expect(status.checks).toContainEqual(expect.objectContaining({ name, result: 'Passed' }));
    });

    test('every stream is read, whole', async () => {
      const read = await countsOf({});
      expect(read).toMatchObject(
        each(({ records }) => ({ mode: 'Full', complete: true, created: records, deleted: 0 })),
      );
      expect(bench.counts()).toEqual(each(({ records }) => records));
    });

    test('when nothing has changed, a stream that is incremental reads nothing again', async () => {
      const read = await countsOf({});
      for (const { name, incremental } of streams) {
        const { fetched, created, updated, mode } = read[name] ?? {};
        expect({ created, updated }, name).toEqual({ created: 0, updated: 0 });
        if (!incremental) continue;
        expect(mode, name).toBe('Incremental');
        expect(fetched, `${name}, read again`).toBeLessThanOrEqual(overlap[name] ?? 0);
      }
    });

    test('what was added and changed is brought by the next run, and nothing else', async () => {
      await bench.system.change();
      const read = await countsOf({});
      expect(read).toMatchObject(each(({ changed }) => ({ ...changed, deleted: 0, complete: true })));
      expect(bench.counts()).toEqual(each(({ records, changed }) => records + changed.created));
    });

    test('what was removed is deleted, and nothing else', async () => {
      await bench.system.remove();
      bench.settle();
      const read = await countsOf({ mode: 'Full' });
      expect(read).toMatchObject(each(({ deleted }) => ({ created: 0, deleted, complete: true })));
      expect(bench.counts()).toEqual(
        each(({ records, changed, deleted }) => records + changed.created - deleted),
      );
    });

    test.each(streams.filter(({ probed }) => probed).map(({ name }) => name))(
      'a look at the records of %s by their ids finds those that are there, and no others',
      async (name) => {
        const live = (bench.live()[name] ?? []).map((record) => record.split(' ')[0] ?? '');
        const gone = bench.deleted(name);
        expect(gone.length).toBeGreaterThan(0);
        await bench.connected(async ({ streams: bound }) => {
          const probe = bound.find((stream) => stream.name === name)?.probe;
          const some = live.slice(0, probe?.idsPerCall);
          const found = await probe?.ask(some);
          expect(Object.fromEntries(found ?? [])).toEqual(
            Object.fromEntries(some.map((id) => [id, 'present'])),
          );
          expect([...((await probe?.ask(gone)) ?? [])].filter(([, presence]) => presence !== 'gone')).toEqual(
            [],
          );
        });
      },
    );

    test('a stream takes a mapping when it says so, and only then', async () => {
      const mappingOf = (names: readonly string[]) =>
        Object.fromEntries(names.map((name) => [name, { 'attributes.contract': { constant: 'mapped' } }]));
      const mapped = streams.filter((stream) => stream.mapped).map(({ name }) => name);
      for (const { name } of streams.filter((stream) => !stream.mapped))
        expect(connector.mappingProblems(mappingOf([name])), name).not.toEqual([]);
      bench.use();
      await countsOf({ spec: { mapping: mappingOf(mapped) } });
      expect(bench.streamsWith('contract', 'mapped').toSorted()).toEqual(mapped.toSorted());
    });
  });
}
