// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';

/**
 * RFC 3339 in UTC with whole seconds. Stricter than the format alone: rules in CEL read such a field as a time, and an object
 * with one that they cannot read could never be changed again.
 */
export const timePattern =
  '^(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$';

/** Schema of a point in time, such as 2026-03-01T00:00:00Z. */
export function Time(description: string) {
  return Type.String({ format: 'date-time', pattern: timePattern, maxLength: 20, description });
}

/** A time as objects of the API carry it: whole seconds, in UTC. */
export function seconds(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/u, 'Z');
}
