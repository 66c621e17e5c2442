// SPDX-License-Identifier: Apache-2.0
import type { Check } from '../api/sync-run.ts';
import type { BoundStream, Connection } from '../connector/contract.ts';
import type { Failure } from '../connector/failure.ts';
import type { DatedAnswer } from '../connector/vendor-clock.ts';
import { unreadVerdict, worstFailure } from './outcome.ts';
import { clockCheck } from './checks.ts';
import { ScopeLedger } from './scope-ledger.ts';
import { reportOf, type StreamReport } from './stream-verdict.ts';

export interface TestContext {
  /** What an error means; that of the stop when the run was stopped. Tells it to whoever listens. */
  readonly failed: (error: unknown) => Failure;
  readonly redact: (text: string) => string;
  readonly onCheck: (check: Check) => void;
}

/** Of what belongs to no stream; answers the failure that most needs a person. */
export async function testConnection(
  connection: Connection,
  clock: () => DatedAnswer | undefined,
  context: TestContext,
): Promise<Failure | undefined> {
  const { onCheck, failed, redact } = context;
  onCheck({
    name: 'connection',
    result: 'Passed',
    message: redact(connection.login ?? 'the address answers and takes the credentials'),
  });
  const failures: Failure[] = [];
  for (const check of connection.checks ?? []) {
    const { name } = check;
    try {
      const { result, message } = await check.run();
      onCheck({ name, result, message: redact(message) });
    } catch (error) {
      const failure = failed(error);
      onCheck({ name, result: 'Failed', message: redact(failure.message) });
      failures.push(failure);
    }
  }
  // Last: the more answers, the surer.
  onCheck(clockCheck(clock()));
  return worstFailure(failures);
}

/** Each stream is asked about on its own: one table that is away says nothing of the others. */
export async function testStream(stream: BoundStream, context: TestContext): Promise<StreamReport> {
  const { name, record } = stream;
  const { redact, onCheck, failed } = context;
  try {
    onCheck({ name, result: 'Passed', message: redact(await stream.test()) });
    const { incompleteReason: _, ...verdict } = unreadVerdict('');
    return { stream: name, record, verdict: { ...verdict, complete: true }, brokeOff: false };
  } catch (error) {
    const failure = failed(error);
    onCheck({ name, result: 'Failed', message: redact(failure.message) });
    return { ...reportOf(stream, undefined, new ScopeLedger(), failure, redact), brokeOff: false };
  }
}
