// SPDX-License-Identifier: Apache-2.0
import { OutOfTime } from '../../src/connector/budget.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { DirectoryReading } from './reading.ts';

/**
 * What an error says of a collection outside the directory, when it says nothing of the directory: another workload behind the same Graph may
 * be away, or its own limits reached, while the directory answers. Undefined for everything else. The kit has tried again by then, and holds
 * the whole account back for as long as the vendor asked; a hold that outlasts the run is no matter of one workload.
 * `throttled` ends a run, since no stream of a throttled account fares better, so that it becomes `unavailable` here.
 */
export function awayFor(
  { plain = false }: Pick<DirectoryReading, 'plain'>,
  error: unknown,
): Failure | undefined {
  if (!plain || !(error instanceof Failure) || error instanceof OutOfTime) return undefined;
  if (error.code === 'unavailable') return error;
  if (error.code !== 'throttled') return undefined;
  return new Failure('unavailable', error.message, { cause: error });
}
