// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import type { ReadEvent, ReadRequest } from '../../src/connector/contract.ts';
import type { Failure } from '../../src/connector/failure.ts';
import type { Checkpoint, Cursor } from './wire.ts';

export type ScopeEvent = ReadEvent<Cursor, Checkpoint>;
export type ScopeRequest = ReadRequest<Cursor, Checkpoint>;

/** How one collection of the directory is read, and kept up with by delta queries. */
export interface DirectoryReading {
  /** The stream, and its one scope. */
  readonly scope: string;
  /** Path of the collection: `users`. */
  readonly resource: string;
  /** What is read and the permission it needs, for messages. */
  readonly subject: string;
  /** Properties, those of the mapping included. */
  readonly select: readonly string[];
  /** A relation that comes with each object, by its name: of its objects the ids are given, at most twenty. */
  readonly expand?: string;
  /** Whether a delta tracks that relation. */
  readonly tracksExpanded?: boolean;
  /** A property that some tenants refuse: its objects are then read without. */
  readonly optional?: string;
  /** A collection outside the directory, which neither counts nor tells changes: it is listed by every run. */
  readonly plain?: boolean;
  /** Which objects are records. */
  keeps?(raw: unknown): boolean;
  /** What the vendor counts and `keeps` leaves out, in words: there is no filter of the vendor's for it. */
  readonly leavesOut?: string;
  /** What a listing leaves out, looked up for the rows of a page. */
  complete?(rows: readonly unknown[]): Promise<readonly unknown[]>;
  /** Why of some of these it could not be told; undefined while it could of all. */
  untold?(): Failure | undefined;
}

/** Delta tokens live for seven days (vendor's word); a little earlier nobody need try. */
const tokenLifeMs = 7 * 86_400_000 - 3_600_000;

/**
 * How far an answer may be behind: any replica answers, and a listing, its count and a read by id may all come from one that has not heard of a
 * new object. The vendor gives no figure; minutes are seen.
 */
export const replicationLagMs = 15 * 60_000;

/** Digest of what is asked for: another selection needs another delta link. */
export function selectionOf({ resource, select, expand, optional }: DirectoryReading): string {
  return hash('sha256', JSON.stringify([resource, select, expand, optional]), 'base64url').slice(0, 22);
}

/** The cursor, if its link fits what is asked for, leads to this Graph and may still be known there. */
export function usableCursor(
  { base, now }: { readonly base: URL; readonly now: () => Date },
  cursor: Cursor | undefined,
  select: string,
): Cursor | undefined {
  if (cursor === undefined || cursor.select !== select) return undefined;
  if (URL.parse(cursor.deltaLink)?.origin !== base.origin) return undefined;
  const ageMs = now().getTime() - Date.parse(cursor.at);
  return ageMs < tokenLifeMs ? cursor : undefined;
}
