// SPDX-License-Identifier: Apache-2.0
import type { CrewDatabases } from './crew-database.ts';
import { Crew, type AuditOptions, type Process, type Saboteur } from './crew.ts';
import type { Query } from './journal.ts';
import { randomFrom } from '../kit/random.ts';

export interface Scene {
  readonly crew: Crew;
  /** The process that stands still. */
  readonly first: Process;
  readonly random: () => number;
}

export interface Stage {
  readonly databases: CrewDatabases;
  readonly seed: number;
  /** Where it stands still: before each call, or when the call was carried out and its answer not seen. */
  readonly where: 'before' | 'after';
  readonly audit?: AuditOptions;
  /** What else is wrong at the end. */
  readonly also?: (query: Query) => Promise<readonly string[]>;
  readonly sabotage?: Saboteur;
  /** What the first process does; a day of the operator unless said otherwise. */
  readonly life?: (crew: Crew, first: Process) => Promise<void>;
}

/** What the auditor says, by the number and the name of the call before which the first process stood still. */
export type Findings = Readonly<Record<string, readonly string[]>>;

/** Plays a scene for every call that the first process makes, each in a world of its own. */
export async function atEveryCall(stage: Stage, play: (scene: Scene) => Promise<void>): Promise<Findings> {
  const { databases, seed, sabotage, where, life = (_, first) => first.day() } = stage;
  const findings: Record<string, readonly string[]> = {};
  for (let at = 1; ; at += 1) {
    await using database = await databases.open();
    const crew = new Crew(database, seed + at, sabotage);
    const first = crew.start({ at, kind: where });
    const ended = life(crew, first).then(() => undefined);
    const call = await Promise.race([first.boundaries.frozen, ended]);
    // A life that ends after a few calls has tried nothing.
    if (call === undefined) return at > 20 ? findings : { [`it ended after ${at} calls`]: [] };
    crew.upstream.stir();
    await play({ crew, first, random: randomFrom(seed + at) });
    const also = (await stage.also?.(database.query)) ?? [];
    const found = [...(await crew.audit(stage.audit)), ...also];
    if (found.length > 0) findings[`${where} ${at} ${call}`] = found;
  }
}

/** A whole number from 1 on. */
export function upTo(random: () => number, most: number): number {
  return 1 + Math.floor(random() * most);
}
