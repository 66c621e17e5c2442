// SPDX-License-Identifier: Apache-2.0
import type { FailureCode } from '../../../src/api/failure.ts';

/** What a fault that lasts must come to, whatever the connector. */
export interface FaultFacts {
  /** One of these is the failure of the run. */
  readonly codes: readonly FailureCode[];
  /** When it happens once, and a retry is allowed, nothing is to be seen of it. */
  readonly passes?: boolean;
  /** It shows only after a wait: the run has little patience then. */
  readonly slow?: boolean;
  /** The right answer may have been the same: then the run may succeed, with exactly what is there. */
  readonly mayBeHarmless?: boolean;
}
