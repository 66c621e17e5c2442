// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import { TableTrouble } from './answers.ts';

/** Failures of one table that leave the other tables and streams their turn; undefined for all others. */
export function scopeFailure(error: unknown): Failure | undefined {
  if (!(error instanceof Failure)) return undefined;
  if (error instanceof TableTrouble) return error;
  return error.code === 'permission' || error.code === 'configuration' || error.code === 'contract'
    ? error
    : undefined;
}
