// SPDX-License-Identifier: Apache-2.0
import type { StoredRun } from '../store/port/archive.ts';
import { digestOf, type RunRecord } from './run-record.ts';

/** A record as it was parsed from bytes that may be anything. */
type Suspect = {
  readonly [Key in keyof RunRecord]?: Partial<RunRecord[Key]> | undefined;
};

interface ColumnRule {
  readonly column: keyof StoredRun;
  /** What the hashed record says; undefined where it says nothing. */
  readonly recorded: (record: Suspect) => string | number | undefined;
  /** The column keeps milliseconds, the record whole seconds. */
  readonly time?: true;
  /** Where the record says nothing, the column is empty too. */
  readonly empty?: true;
}

/** Every column that repeats what is hashed. */
const rules: readonly ColumnRule[] = [
  { column: 'system', recorded: ({ system }) => String(system) },
  { column: 'runName', recorded: ({ run }) => String(run?.name) },
  { column: 'runUid', recorded: ({ run }) => String(run?.uid) },
  { column: 'mode', recorded: ({ spec }) => String(spec?.mode) },
  { column: 'trigger', recorded: ({ spec }) => spec?.trigger ?? 'Manual' },
  { column: 'phase', recorded: ({ status }) => String(status?.phase) },
  { column: 'sequence', recorded: ({ status }) => Number(status?.sequence) },
  { column: 'previousDigest', recorded: ({ status }) => status?.previousDigest, empty: true },
  { column: 'failureCode', recorded: ({ status }) => status?.failure?.code, empty: true },
  { column: 'startedAt', recorded: ({ status }) => status?.startTime, time: true },
  { column: 'endedAt', recorded: ({ status }) => status?.completionTime, time: true },
  { column: 'systemUid', recorded: ({ status }) => status?.systemUid },
  { column: 'generation', recorded: ({ status }) => status?.systemGeneration },
  { column: 'attempt', recorded: ({ status }) => status?.attempt },
  { column: 'worker', recorded: ({ status }) => status?.worker },
  { column: 'correlationId', recorded: ({ status }) => status?.correlationId },
];

/**
 * What in the row of an archived run contradicts what is hashed, in words; empty for a sound one. Its place in the chain is another
 * matter.
 */
export function differencesOf(run: StoredRun): readonly string[] {
  const { json, digest } = run;
  if (json === undefined) return ['the record is empty'];
  const computed = digestOf(json);
  const hashed =
    computed === digest ? [] : [`the record has the digest ${computed}, not ${shown(digest)} of its row`];
  const record: Suspect | undefined = jsonObject(json);
  if (record === undefined) return [...hashed, 'the record is no JSON object'];
  const columns = rules.flatMap((rule) => columnDifference(run, record, rule));
  return [...hashed, ...columns, ...slotDifference(run, record)];
}

/** Undefined for what is none. */
export function jsonObject(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    // Whoever changed it made it so; the digest tells the rest.
    return undefined;
  }
}

function columnDifference(run: StoredRun, record: Suspect, { column, recorded, time, empty }: ColumnRule) {
  const said = recorded(record);
  const stored = run[column];
  if (said === undefined && empty !== true) return [];
  const same = time === true ? sameSecond(stored, said) : stored === said;
  return same ? [] : [`column ${column} is ${shown(stored)}, the record says ${shown(said)}`];
}

/** An empty slot contradicts nothing: the run may have come when another had it, or be one that takes none. */
function slotDifference({ slot }: StoredRun, { spec }: Suspect): string[] {
  const said = spec?.scheduledTime;
  if (slot === undefined || sameSecond(slot, said)) return [];
  return [`column slot is ${slot}, the record says ${shown(said)}`];
}

function sameSecond(one: unknown, other: unknown): boolean {
  const second = (time: unknown) => Math.floor(Date.parse(String(time)) / 1000);
  return second(one) === second(other);
}

/** A value of a column or a record, whatever it is. */
export function shown(value: unknown): string {
  if (value === undefined) return 'empty';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
