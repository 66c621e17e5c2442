// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';

const ofOneScope: ReadonlySet<string> = new Set(['permission', 'configuration', 'contract']);

/** Failures of one base that leave the others their turn; undefined for those of the whole directory. */
export function scopeFailure(error: unknown): Failure | undefined {
  return error instanceof Failure && ofOneScope.has(error.code) ? error : undefined;
}
