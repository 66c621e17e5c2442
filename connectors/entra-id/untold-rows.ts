// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import { selectionOf, type DirectoryReading, type ScopeEvent, type ScopeRequest } from './reading.ts';

/**
 * A reading that gave rows of which something could not be told ends unverified, with the rows written: the next one starts from the same place and
 * asks again. Checkpoints hold the reason, so that a reading that is interrupted does not forget it.
 */
export async function* withUntoldRows(
  reading: DirectoryReading,
  request: ScopeRequest,
  events: AsyncIterable<ScopeEvent>,
): AsyncGenerator<ScopeEvent, void, void> {
  const stored = request.checkpoint(reading.scope);
  const before = stored?.select === selectionOf(reading) ? stored.untold : undefined;
  for await (const event of events) {
    const failure =
      reading.untold?.() ?? (before === undefined ? undefined : new Failure(before.code, before.message));
    if (failure === undefined || event.type === 'unverified') {
      yield event;
    } else if (event.type === 'page') {
      const { code, message } = failure;
      yield { ...event, checkpoint: { ...event.checkpoint, untold: { code, message } } };
    } else {
      const { scope, evidence } = event;
      yield { type: 'unverified', scope, failure, evidence };
    }
  }
}
