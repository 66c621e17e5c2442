// SPDX-License-Identifier: Apache-2.0
import type { TSchema } from 'typebox';
import { mask } from './mask.ts';

/** Their messages may quote a part of what was being read, which nothing can find again in it. */
const ofLanguage = [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];

/** Why a row cannot be read, without values that may not be kept of it. */
export function reasonOf(
  error: unknown,
  raw: unknown,
  definition: { readonly row: TSchema; readonly secretField?: (name: string) => boolean },
): string {
  if (error instanceof Error && ofLanguage.some((kind) => error instanceof kind))
    return `reading it failed with ${error.name}`;
  let reason = error instanceof Error ? error.message : String(error);
  const values = new Set<string>();
  mask(raw, definition.row, definition.secretField, (value) => {
    for (const leaf of leavesOf(value)) values.add(leaf).add(JSON.stringify(leaf).slice(1, -1));
  });
  // The longest first: one may stand within another.
  for (const value of [...values].toSorted((one, other) => other.length - one.length))
    reason = reason.replaceAll(standing(value), `(text of ${value.length} characters)`);
  return reason;
}

function leavesOf(value: unknown): readonly string[] {
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(leavesOf);
  const isSaying = (typeof value === 'string' && value !== '') || typeof value === 'number';
  return isSaying ? [String(value)] : [];
}

/** A short value counts only where it stands alone: its letters are in many words. */
function standing(value: string): RegExp {
  const literal = value.replaceAll(/[\\^$.*+?()[\]{}|]/gu, String.raw`\$&`);
  return value.length < 4
    ? new RegExp(`(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])`, 'gu')
    : new RegExp(literal, 'gu');
}
