// SPDX-License-Identifier: Apache-2.0
import { OutOfTime } from '../../src/connector/budget.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { DirectoryReading } from './reading.ts';

/**
 * Whether an error of a collection outside the directory says nothing of the directory: another workload behind the same Graph may be away, or
 * have reached its own limits, while the directory answers. The kit has tried again by then, and holds the whole account back for as long as
 * the vendor asked; a hold that outlasts the run is no matter of one workload.
 */
export function isOfWorkload(
  { plain = false }: Pick<DirectoryReading, 'plain'>,
  error: unknown,
): error is Failure {
  if (!plain || !(error instanceof Failure) || error instanceof OutOfTime) return false;
  return error.code === 'unavailable' || error.code === 'throttled';
}
