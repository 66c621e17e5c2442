// SPDX-License-Identifier: Apache-2.0
import { bounded } from '../api/bounded.ts';
import { failureFacts, type Audience, type FailureCode } from '../api/failure.ts';
import type { RunFailure } from '../api/sync-run.ts';

/**
 * The one error of the sync path. It is made where an answer is read, with a message that names the object,
 * the value and the remedy, and that never holds a secret.
 */
export class Failure extends Error {
  readonly code: FailureCode;
  /** What upstream asked us to wait, when it said so. */
  readonly retryAfterMs: number | undefined;
  /** Who must act, where that is not who usually must of such a failure. */
  readonly audience: Audience | undefined;

  constructor(
    code: FailureCode,
    message: string,
    options: { cause?: unknown; retryAfterMs?: number; audience?: Audience } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Failure';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.audience = options.audience;
  }
}

/** Any thrown value as a Failure: what nobody classified is our own bug. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new Failure('internal', `unexpected error: ${message}`, { cause: error });
}

/** The form of a failure that goes into the run record. Secrets are taken out of the message before. */
export function toRunFailure(failure: {
  readonly code: FailureCode;
  readonly message: string;
  readonly audience?: string | undefined;
}): RunFailure {
  const { code, message } = failure;
  const facts = failureFacts[code];
  const audience = failure.audience ?? facts.audience;
  return { class: facts.class, code, message: bounded(message, 512), audience };
}
