// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { dump } from 'js-yaml';
import { parseDurationMs } from '../api/duration.ts';
import { finalPhases } from '../api/sync-run.ts';
import type { ArchiveReader, StoredRun } from '../store/port/archive.ts';
import { recordFromArchive } from '../sync/run-record.ts';
import { differencesOf } from '../sync/stored-run.ts';
import { CommandFailed, type Streams } from './command.ts';
import { InputError } from './manifests.ts';
import { outputFormOf, outputOption, renderList, renderTable } from './output.ts';
import { storeOptions, storeUsage, withReader } from './store-url.ts';
import { subcommands } from './subcommands.ts';

const listUsage = `extsys runs list [--store URL] [--system NS/NAME] [--phase PHASE] [--since TIME|DURATION] [--limit N] [--after UID] [-o FORM]

Finished runs, newest first, from the archive: also those that are pruned from the cluster.

${storeUsage}
      --system NS/NAME            only of this system (default all)
      --phase PHASE               ${finalPhases.join(', ')}
      --since TIME|DURATION       ended since then: 2026-03-01T00:00:00Z, or 24h
      --limit N                   so many at most (default 50, at most 10000)
      --after UID                 the next page: runs that stand behind this one
  -o, --output FORM               table, json or yaml (default table)
`;

const showUsage = `extsys runs show NAME|UID [--store URL] [-o FORM]

The whole record of a finished run, its digest and whether it is right, and where the run stands in its chain.

${storeUsage}
  -o, --output FORM               table, json or yaml (default table)

Exit status: 0 the record is sound, 1 there is none, or it is not as it was archived, 2 unusable input.
`;

/** So many names a message takes. */
const shownSystems = 10;

export const runsEntry = subcommands('runs', {
  list: { run: listCommand, usage: listUsage },
  show: { run: showCommand, usage: showUsage },
});

/** `extsys runs list`. Answers the exit status. */
async function listCommand(args: readonly string[], streams: Streams): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...storeOptions,
      system: { type: 'string' },
      phase: { type: 'string' },
      since: { type: 'string' },
      limit: { type: 'string', default: '50' },
      after: { type: 'string' },
      output: outputOption,
    },
  });
  const { system, phase } = values;
  const form = outputFormOf(values.output);
  if (phase !== undefined && !finalPhases.some((name) => name === phase))
    throw new InputError(`--phase ${phase}: use ${finalPhases.join(', ')}`);
  if (system !== undefined && !/^[^/]+\/[^/]+$/u.test(system))
    throw new InputError(`--system ${system}: write NAMESPACE/NAME`);
  const since = sinceOf(values.since);
  const limit = limitOf(values.limit);
  const runs = await withReader(values, streams, async (archive) => {
    const after = values.after === undefined ? undefined : await runOf(archive, values.after);
    const found = await archive.list({ system, phase, since, limit, after });
    if (found.length === 0 && system !== undefined) checkKnown(system, await archive.systems());
    return found;
  });
  const text = renderList(runs.map(summaryOf), form, {
    ENDED: ({ endedAt }) => endedAt ?? '',
    SYSTEM: (run) => run.system,
    SEQUENCE: ({ sequence }) => String(sequence),
    NAME: ({ name }) => name,
    MODE: ({ mode }) => mode ?? '',
    PHASE: (run) => run.phase ?? '',
    FAILURE: ({ failureCode }) => failureCode ?? '',
    UID: ({ uid }) => uid,
  });
  streams.stdout.write(text);
  return 0;
}

/** `extsys runs show`. Answers the exit status. */
async function showCommand(args: readonly string[], streams: Streams): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { ...storeOptions, output: outputOption },
    allowPositionals: true,
  });
  const form = outputFormOf(values.output);
  const [wanted, ...others] = positionals;
  if (wanted === undefined || others.length > 0)
    throw new InputError('give one NAME or UID; extsys runs list shows them');
  const shown = await withReader(values, streams, async (archive) => {
    const run = await runOf(archive, wanted);
    return shownRun(run, await archive.around(run));
  });
  if (form === 'json') streams.stdout.write(`${JSON.stringify(shown, undefined, 2)}\n`);
  else if (form === 'yaml') streams.stdout.write(dump(shown, { lineWidth: 120, noRefs: true }));
  else streams.stdout.write(asText(shown));
  return shown.sound ? 0 : 1;
}

/** Of a system that was mistyped there are no runs either, and an empty list would say that all is well. */
function checkKnown(system: string, known: readonly string[]): void {
  if (known.includes(system)) return;
  const some = known.slice(0, shownSystems).join(', ');
  const more = known.length > shownSystems ? ` and ${known.length - shownSystems} more` : '';
  throw new InputError(
    `--system ${system}: the database knows no such system; it has ${known.length === 0 ? 'none' : some}${more}`,
  );
}

/** A name may stand for several runs: an object that was made again gives its slots' names a second time. */
async function runOf(archive: ArchiveReader, nameOrUid: string): Promise<StoredRun> {
  const found = await archive.find(nameOrUid);
  const exact = found.find(({ runUid }) => runUid === nameOrUid) ?? found[0];
  if (exact === undefined)
    throw new CommandFailed(`the archive has no finished run ${nameOrUid}; extsys runs list shows them`);
  if (found.length > 1 && exact.runUid !== nameOrUid)
    throw new CommandFailed(
      `${nameOrUid} names several runs; give a uid: ${found.map(({ system, runUid }) => `${runUid} (${system})`).join(', ')}`,
    );
  return exact;
}

function summaryOf(run: StoredRun) {
  const { system, sequence, runName, runUid, mode, trigger, slot, startedAt, endedAt } = run;
  const { phase, failureCode, digest } = run;
  const asked = { mode, trigger, ...(slot === undefined ? {} : { slot }) };
  const ended = { startedAt, endedAt, phase, ...(failureCode === undefined ? {} : { failureCode }) };
  return { system, sequence, name: runName, uid: runUid, ...asked, ...ended, digest };
}

function shownRun(run: StoredRun, neighbours: readonly StoredRun[]) {
  const differences = differencesOf(run);
  const at = (offset: number) => neighbours.find(({ sequence }) => sequence === run.sequence + offset);
  const [before, behind] = [at(-1), at(1)];
  return {
    ...summaryOf(run),
    sound: differences.length === 0,
    differences,
    pruned: run.pruned,
    recovered: run.recovered,
    chain: {
      previousDigest: run.previousDigest ?? null,
      before: placeOf(before, before?.digest === run.previousDigest),
      behind: placeOf(behind, behind?.previousDigest === run.digest),
    },
    record: recordOrText(run.json),
  };
}

function placeOf(run: StoredRun | undefined, linked: boolean) {
  return run === undefined ? null : { sequence: run.sequence, name: run.runName, uid: run.runUid, linked };
}

function recordOrText(json: string | undefined): unknown {
  try {
    return recordFromArchive(json ?? '');
  } catch {
    // What stands there is shown as it is; the differences say that it is no record.
    return json;
  }
}

function asText(shown: ReturnType<typeof shownRun>): string {
  const place = (run: ReturnType<typeof placeOf>, none: string) =>
    run === null ? none : `${run.sequence} ${run.name} ${run.linked ? '' : '(NOT LINKED by its digest)'}`;
  const facts = renderTable([
    ['NAME', shown.name],
    ['UID', shown.uid],
    ['SYSTEM', shown.system],
    ['PHASE', shown.phase ?? ''],
    ['SEQUENCE', String(shown.sequence)],
    ['BEFORE', place(shown.chain.before, 'none')],
    ['BEHIND', place(shown.chain.behind, 'none: it is the newest')],
    ['DIGEST', shown.digest ?? ''],
    ['SOUND', shown.sound ? 'yes' : 'NO'],
    ...shown.differences.map((difference) => ['', difference]),
    ['PRUNED', shown.pruned ? 'yes' : 'no'],
    ['RECOVERED', shown.recovered ? 'yes' : 'no'],
  ]);
  return `${facts}\n${dump(shown.record, { lineWidth: 120, noRefs: true })}`;
}

function sinceOf(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const durationMs = parseDurationMs(text);
  const time = durationMs === undefined ? new Date(text) : new Date(Date.now() - durationMs);
  if (Number.isNaN(time.getTime()))
    throw new InputError(
      `--since ${text}: write a time such as 2026-03-01T00:00:00Z, or a duration such as 24h`,
    );
  return time;
}

function limitOf(text: string): number {
  const limit = /^\d{1,5}$/u.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > 10_000) throw new InputError(`--limit ${text}: write a number from 1 to 10000`);
  return limit;
}
