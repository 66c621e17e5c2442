// SPDX-License-Identifier: Apache-2.0
import type { Check } from '../api/sync-run.ts';
import type { BoundStream, Connection } from '../connector/contract.ts';
import { Failure } from '../connector/failure.ts';
import { joined } from '../connector/finding.ts';
import { SourceChanged, type Store } from '../store/port.ts';
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
  for (const name of connection.unusedMappings ?? []) {
    // No failure: a stream may be switched off for a while, and its mapping wait for it.
    const message = `not read, since the configuration switches it off; spec.mapping.${name} does nothing`;
    onCheck({ name, result: 'Warning', message });
  }
  // Last: the more answers, the surer.
  onCheck(clockCheck(clock()));
  return worstFailure(failures);
}

/** Every other run would be refused where the rows belong to another source. Said only where rows belong to one. */
export async function testSource(
  { source }: Connection,
  { system, store }: { readonly system: string; readonly store: Pick<Store, 'boundSource'> },
  { failed, onCheck, redact }: TestContext,
): Promise<Failure | undefined> {
  const bound = await store.boundSource(system);
  if (bound === undefined) return undefined;
  if (bound === source) {
    onCheck({ name: 'source', result: 'Passed', message: redact(`the rows belong to ${source}`) });
    return undefined;
  }
  const failure = failed(new Failure('configuration', new SourceChanged(system, bound, source).message));
  onCheck({ name: 'source', result: 'Failed', message: redact(failure.message) });
  return failure;
}

/** Each stream is asked about on its own: one table that is away says nothing of the others. */
export async function testStream(stream: BoundStream, context: TestContext): Promise<StreamReport> {
  const { name, record } = stream;
  const { redact, onCheck, failed } = context;
  try {
    const { result, message } = joined([await stream.test()]);
    onCheck({ name, result, message: redact(message) });
    const { incompleteReason: _, ...verdict } = unreadVerdict('');
    return { stream: name, record, verdict: { ...verdict, complete: true }, brokeOff: false };
  } catch (error) {
    const failure = failed(error);
    onCheck({ name, result: 'Failed', message: redact(failure.message) });
    return { ...reportOf(stream, undefined, new ScopeLedger(), failure, redact), brokeOff: false };
  }
}
