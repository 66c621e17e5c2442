// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { CrewDatabases } from './crew-database.ts';
import { Crew, slotMs, type Process } from './crew.ts';
import type { Boundaries, Fault } from './boundaries.ts';
import { atEveryCall, upTo } from './every-call.ts';

/*
 * A day of schedule, claim, pages, ends and pruning, stopped before every single call of its ports. What is asked each time is what the
 * auditor says when all is over.
 */

const seed = inject('seed');
/** Each plays some ninety short lives; a busy machine takes its time. */
vi.setConfig({ testTimeout: 120_000 });

const databases = new CrewDatabases();

beforeAll(() => databases.prepare());
afterAll(() => databases[Symbol.dispose]());

describe.each(['before', 'after'] as const)('a process that stops %s any of its calls', (where) => {
  const stage = { databases, seed, where };

  test('and never comes back: another does the rest', async () => {
    const findings = await atEveryCall(stage, async ({ crew, first }) => {
      first.loseLeases();
      await crew.start().finish();
    });
    expect(findings).toEqual({});
  });

  test('and its successor does so too, somewhere', async () => {
    const findings = await atEveryCall(stage, async ({ crew, first, random }) => {
      first.loseLeases();
      const second = crew.start({ at: upTo(random, 40), kind: where });
      await Promise.race([second.finish(), second.boundaries.frozen]);
      second.loseLeases();
      await crew.start().finish();
    });
    expect(findings).toEqual({});
  });

  test.each([true, false])(
    'and wakes when another has taken its run over and ended it (told of its Lease: %s)',
    async (told) => {
      const findings = await atEveryCall(stage, async ({ crew, first }) => {
        first.loseLeases();
        const second = crew.start();
        await second.tidy();
        first.wake(told);
        await first.idle();
        await second.finish();
      });
      expect(findings).toEqual({});
    },
  );

  test.each([true, false])(
    'and wakes while another is in the middle of its run (told of its Lease: %s)',
    async (told) => {
      const findings = await atEveryCall(stage, async ({ crew, first, random }) => {
        first.loseLeases();
        const second = crew.start({ at: upTo(random, 30), kind: where });
        const work = second.tidy();
        await Promise.race([work, second.boundaries.frozen]);
        first.wake(told);
        await first.idle();
        second.boundaries.thaw();
        await work;
        await second.finish();
      });
      expect(findings).toEqual({});
    },
  );

  test('and wakes a day later, when its runs were pruned', async () => {
    // What had left it already comes to the API server all the same; what had not is never sent.
    const audit = { lateCreates: where === 'before' };
    const findings = await atEveryCall({ ...stage, audit }, async ({ crew, first }) => {
      first.loseLeases();
      const second = crew.start();
      await second.finish();
      first.wake(true);
      await first.idle();
      crew.pass(slotMs);
      await second.tidy();
    });
    expect(findings).toEqual({});
  });

  test('and wakes in time, after a run from a file has come and gone', async () => {
    const findings = await atEveryCall(stage, async ({ crew, first }) => {
      await crew.fromFile();
      first.boundaries.thaw();
      await first.idle();
      await first.finish();
    });
    expect(findings).toEqual({});
  });
});

describe('a call that fails', () => {
  test.each(['lost', 'refused'] as const)(
    '%s, whichever it is: the process itself makes up for it',
    async (kind) => {
      const findings: Record<string, string[]> = {};
      for (let at = 1; ; at += 1) {
        await using database = await databases.open();
        const crew = new Crew(database, seed + at);
        const process = crew.start({ at, kind });
        await process.day();
        const call = process.boundaries.calls[at - 1];
        if (call === undefined) break;
        await process.finish();
        const found = await crew.audit();
        if (found.length > 0) findings[`${at} ${call}`] = found;
      }
      expect(findings).toEqual({});
    },
  );
});

describe('a run from a file that stops before any of its calls', () => {
  async function atEveryCallOfFile(
    play: (crew: Crew, operator: Process, file: Boundaries) => Promise<void>,
  ): Promise<Record<string, string[]>> {
    const findings: Record<string, string[]> = {};
    for (let at = 1; ; at += 1) {
      await using database = await databases.open();
      const crew = new Crew(database, seed + at);
      const operator = crew.start();
      await operator.round();
      const fault: Fault = { at, kind: 'before' };
      const file = await crew.fromFile(fault);
      const call = file.calls[at - 1];
      if (call === undefined) return at > 8 ? findings : { [`it ended after ${at} calls`]: [] };
      await play(crew, operator, file);
      const found = await crew.audit();
      if (found.length > 0) findings[`${at} ${call}`] = found;
    }
  }

  test('and never comes back: the operator goes on', async () => {
    const findings = await atEveryCallOfFile(async (_, operator) => {
      await operator.day();
      await operator.finish();
    });
    expect(findings).toEqual({});
  });

  test('and wakes when the operator has done a run', async () => {
    const findings = await atEveryCallOfFile(async (crew, operator, file) => {
      crew.pass(slotMs);
      await operator.round();
      file.thaw();
      await crew.filesEnded();
      await operator.finish();
    });
    expect(findings).toEqual({});
  });
});
