// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';

/** A GUID that follows from a seed, a kind and a number. */
export function guid(seed: number, kind: string, index: number): string {
  const hex = createHash('sha256').update(`${seed}/${kind}/${index}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export function pick<Value>(list: readonly Value[], index: number): Value {
  return list[index % list.length] as Value;
}

/** A time so many hours before the day on which every generated tenant was looked at. */
export function hoursBefore(hours: number): string {
  return daysFrom(-hours / 24);
}

export const generatedAt = new Date('2026-03-02T06:00:00Z');

export function daysFrom(days: number): string {
  return `${new Date(generatedAt.getTime() + days * 86_400_000).toISOString().slice(0, 19)}Z`;
}
