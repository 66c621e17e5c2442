// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import type { SyncRun } from '../../src/api/resource.ts';
import type { MissedSlots } from '../../src/api/sync-run.ts';
import type { Evidence, RunRow } from './auditor.ts';

/** At most one run for each slot, and the runs with what they say they missed are all the slots that were due. */
export function* auditSlots(
  runs: readonly RunRow[],
  versions: readonly SyncRun[],
  { slotMs, lateCreates = false }: Pick<Evidence, 'slotMs' | 'lateCreates'>,
): Generator<string> {
  const late = new Set(lateCreates ? runs.filter(cameLate).map(({ uid }) => uid) : []);
  yield* auditObjects(versions.filter(({ metadata }) => !late.has(metadata.uid)));
  const bySystem = Map.groupBy(
    runs.filter(({ record, uid }) => record?.spec.scheduledTime !== undefined && !late.has(uid)),
    ({ systemUid }) => systemUid,
  );
  for (const scheduled of bySystem.values()) yield* auditMissed(scheduled, slotMs);
}

/** Another run had its slot: it was not carried out, and its record says so. */
function cameLate({ record, slot }: RunRow): boolean {
  const { phase, failure, totals = {}, streams = [] } = record?.status ?? {};
  const said = failure?.message.includes('was taken by another run') === true;
  const nothing = streams.length === 0 && Object.values(totals).every((count) => count === 0);
  return slot === undefined && phase === 'Cancelled' && said && nothing;
}

/** Runs that the operator makes have names that follow from their causes: one cause, one run. */
function* auditObjects(versions: readonly SyncRun[]): Generator<string> {
  const byCause = new Map<string, Set<string>>();
  for (const { metadata, spec } of versions) {
    const { uid = '' } = spec.systemRef;
    const made = metadata.ownerReferences?.some(({ controller }) => controller === true) === true;
    const causes = [
      ...(spec.scheduledTime === undefined ? [] : [`slot of ${uid} at ${spec.scheduledTime}`]),
      ...(made ? [`cause of ${metadata.name} of ${uid}`] : []),
    ];
    for (const cause of causes)
      byCause.set(cause, (byCause.get(cause) ?? new Set()).add(`${metadata.name} (${metadata.uid})`));
  }
  for (const [cause, uids] of byCause)
    if (uids.size > 1) yield `the ${cause} has ${uids.size} SyncRuns: ${[...uids].join(', ')}`;
}

function* auditMissed(scheduled: readonly RunRow[], slotMs: number): Generator<string> {
  const slots = scheduled
    .map((run) => ({ ...run, atMs: Date.parse(run.record?.spec.scheduledTime ?? '') }))
    .toSorted((one, other) => one.atMs - other.atMs);
  let before: number | undefined;
  for (const { atMs, name, record, slot } of slots) {
    if (atMs === before) yield `the slot at ${iso(atMs)} has several records, one of them ${name}`;
    if (slot === undefined) yield `the record of ${name} does not hold its slot`;
    else if (Date.parse(slot) !== atMs) yield `the row of ${name} holds the slot ${slot}`;
    const expected = before === undefined ? undefined : missedBetween(before, atMs, slotMs);
    const said = record?.status.missedSlots;
    if (!isDeepStrictEqual(said, expected))
      yield `${name} says that it missed ${JSON.stringify(said)} where ${JSON.stringify(expected)} were due`;
    before = atMs;
  }
}

/** Slots are multiples of their distance. */
function missedBetween(fromMs: number, toMs: number, slotMs: number): MissedSlots | undefined {
  const due: number[] = [];
  for (let at = (Math.floor(fromMs / slotMs) + 1) * slotMs; at < toMs; at += slotMs) due.push(at);
  const [first] = due;
  const last = due.at(-1);
  if (first === undefined || last === undefined) return undefined;
  return { count: due.length, first: iso(first), last: iso(last) };
}

function iso(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
