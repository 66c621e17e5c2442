// SPDX-License-Identifier: Apache-2.0
import { Compile } from 'typebox/compile';
import { Failure } from '../../src/connector/failure.ts';
import type { HttpRequest, RawAnswer } from '../../src/connector/http.ts';
import { retryAfter } from '../../src/connector/retry-after.ts';
import { failureOf, type AnswerContext, type Answered } from './answers.ts';
import { jsonIn } from './json-text.ts';
import { BatchAnswer } from './wire.ts';

/** Most requests that Graph takes in one batch. */
export const batchSize = 20;

export interface BatchItem {
  readonly id: string;
  /** Relative: no host, no version. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const answerCheck = Compile(BatchAnswer);

/**
 * One call of $batch. Its items are throttled and fail one by one behind an outer status 200, so each answer is looked through: what came
 * stays, and when the kit tries again, with its waits, only what is left is sent.
 */
export class BatchRequest implements HttpRequest {
  readonly subject: string;
  readonly method = 'POST';
  readonly path = '$batch';
  /** By id of the item. Whatever status: what a refusal means is the caller's business. */
  readonly answers = new Map<string, Answered>();
  private readonly left: Map<string, BatchItem>;

  constructor(subject: string, items: readonly BatchItem[]) {
    if (items.length === 0 || items.length > batchSize)
      throw new RangeError(`a batch of ${items.length} items`);
    this.subject = subject;
    this.left = new Map(items.map((item) => [item.id, item]));
  }

  get json(): unknown {
    return { requests: [...this.left.values()].map((item) => ({ method: 'GET', ...item })) };
  }

  /** Takes what came, and says what is to be done about the rest; undefined when all came, or the answer is of another form. */
  take(answer: RawAnswer, context: AnswerContext, now: Date): Failure | undefined {
    const body: unknown = jsonIn(answer.text);
    if (!answerCheck.Check(body)) return undefined;
    const refused: Answered[] = [];
    for (const { id, status, headers = {}, body: content } of body.responses) {
      if (!this.left.has(id)) continue;
      const answered = { status, headers: lowerCase(headers), body: content };
      if (isWorthAnotherTry(status)) {
        refused.push(answered);
        continue;
      }
      this.answers.set(id, answered);
      this.left.delete(id);
    }
    if (this.left.size === 0) return undefined;
    return this.failureOfRest(refused, context, now);
  }

  private failureOfRest(refused: readonly Answered[], context: AnswerContext, now: Date): Failure {
    const login = refused.find(({ status }) => status === 401);
    if (login !== undefined) {
      const general = new Failure('credentials', `${this.subject}: the token was refused (401, in a batch)`);
      return failureOf(login, this.subject, context) ?? general;
    }
    const [worst] = refused;
    if (worst === undefined)
      return new Failure('contract', `${this.subject}: ${this.left.size} items of a batch have no answer`);
    const throttled = refused.some(({ status }) => status === 429 || status === 509);
    const waits = refused.flatMap(({ headers }) => retryAfter(headers.get('retry-after'), now) ?? []);
    const asked = waits.length === 0 ? {} : { retryAfterMs: Math.max(...waits) };
    const share = `${refused.length} of ${refused.length + this.answers.size} items of a batch`;
    return throttled
      ? new Failure('throttled', `${this.subject}: the vendor's limit is reached for ${share}`, asked)
      : new Failure('unavailable', `${this.subject}: ${share} failed (first ${worst.status})`, asked);
  }
}

/** A token or a moment later may answer it; 501 says that what is asked for is not to be had. */
function isWorthAnotherTry(status: number): boolean {
  return (status >= 500 && status !== 501) || [401, 408, 423, 424, 425, 429].includes(status);
}

function lowerCase(headers: Readonly<Record<string, unknown>>): Map<string, string> {
  return new Map(
    Object.entries(headers).flatMap(([name, value]) =>
      typeof value === 'string' || typeof value === 'number' ? [[name.toLowerCase(), String(value)]] : [],
    ),
  );
}
