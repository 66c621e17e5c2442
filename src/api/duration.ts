// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
export const durationPattern = '^([0-9]+(ms|s|m|h))+$';

/** Milliseconds of a duration in Go's notation with whole numbers (`15m`, `1h30m`); undefined when it is none. */
export function parseDurationMs(text: string): number | undefined {
  if (!new RegExp(durationPattern, 'u').test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|s|m|h)/gu)) {
    totalMs += Number(amount) * unitMs[unit as keyof typeof unitMs];
  }
  return totalMs;
}

/** Schema of a duration between two bounds; the bounds are checked by the API server too (CEL). */
export function Duration(description: string, bounds: { min: string; max: string }) {
  return Type.String({
    description: `${description} Go notation, ${bounds.min} to ${bounds.max}.`,
    pattern: durationPattern,
    maxLength: 24,
    'x-kubernetes-validations': [
      {
        rule: `duration(self) >= duration('${bounds.min}') && duration(self) <= duration('${bounds.max}')`,
        message: `must be a duration from ${bounds.min} to ${bounds.max}, such as 15m or 1h30m`,
      },
    ],
  });
}
