// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import { hasLostItsPlace } from './answers.ts';
import type { ScopeEvent, ScopeRequest } from './reading.ts';

/**
 * Gives what changed; where the service has forgotten the place from which that was asked for, or it is too old, everything.
 * A full reading with a place of its own to go on from begins a pass, and never goes on with one that has given pages already: whoever went
 * after those pages would count as seen by this pass, and no later round would speak of them. Such a scope ends unverified, without a new
 * cursor; the next run is a pass of its own, which finds the old cursor as little use as this one did and reads everything, or
 * gets on with it after all.
 */
export async function* changesOrAll(
  { scope, subject }: { readonly scope: string; readonly subject: string },
  request: Pick<ScopeRequest, 'begun'>,
  {
    changes,
    all,
  }: {
    /** Undefined without a cursor that can be used. */
    readonly changes: AsyncGenerator<ScopeEvent, void, void> | undefined;
    readonly all: () => AsyncGenerator<ScopeEvent, void, void>;
  },
): AsyncGenerator<ScopeEvent, void, void> {
  let hasPages = request.begun(scope);
  let lost: Failure | undefined;
  if (changes !== undefined) {
    try {
      for await (const event of changes) {
        hasPages ||= event.type === 'page';
        yield event;
      }
      return;
    } catch (error) {
      if (!hasLostItsPlace(error)) throw error;
      lost = error;
    }
  }
  if (hasPages) yield { type: 'unverified', scope, failure: begunAnew(subject, lost) };
  else yield* all();
}

/** The Failure of a scope whose reading would have to begin anew among the pages that it has given. */
export function begunAnew(subject: string, lost: Failure | undefined): Failure {
  const why = lost === undefined ? 'its place to go on from is too old' : lost.message;
  const message = `${subject}: the reading had to begin anew in the middle; nothing is taken as deleted, and the next run reads it from its beginning (${why})`;
  return new Failure('unavailable', message, lost === undefined ? {} : { cause: lost });
}
