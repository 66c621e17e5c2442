// SPDX-License-Identifier: Apache-2.0
import { Compile } from 'typebox/compile';
import { audiences, type Audience, type FailureCode } from '../../src/api/failure.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { HttpRequest, RawAnswer } from '../../src/connector/http.ts';
import { vendorWords, type Redact } from '../../src/connector/vendor-words.ts';
import { jsonIn } from './json-text.ts';
import { ErrorAnswer } from './wire.ts';

/** The delta token is too old, or the service wants everything to be read anew. */
export class ResyncRequired extends Failure {
  constructor(message: string) {
    super('contract', message);
  }
}

/** The token of a page has ended: the reading begins anew, and what an earlier beginning gave proves nothing. */
export class PageTokenExpired extends Failure {
  constructor(message: string) {
    super('contract', message);
  }
}

/** Whether the reading cannot go on from where it stands, and has to begin anew. */
export function hasLostItsPlace(error: unknown): error is ResyncRequired | PageTokenExpired {
  return error instanceof ResyncRequired || error instanceof PageTokenExpired;
}

/** The tenant has not bought what is asked for. */
export class FeatureAbsent extends Failure {
  constructor(message: string) {
    super('permission', message);
  }
}

/** PIM without a licence: with status 400 or 403 (client; the documents leave both open). */
const pimLicence = 'AadPremiumLicenseRequired';

const errorCheck = Compile(ErrorAnswer);

/** Codes and message of a refusal: the outer code first, then those of the inner errors, which are more precise. */
export interface Refusal {
  readonly codes: readonly string[];
  readonly message: string;
}

const maxNesting = 5;

/** Reads the error of a body; empty when there is none: some gateways answer HTML or nothing. Pure. */
export function refusalIn(body: unknown): Refusal {
  if (!errorCheck.Check(body)) return { codes: [], message: '' };
  const codes: string[] = [];
  let inner: unknown = body.error;
  for (let depth = 0; depth < maxNesting && typeof inner === 'object' && inner !== null; depth += 1) {
    const code: unknown = Reflect.get(inner, 'code');
    if (typeof code === 'string' && code !== '') codes.push(code);
    inner = Reflect.get(inner, 'innerError') ?? Reflect.get(inner, 'innererror');
  }
  return { codes, message: body.error.message ?? '' };
}

export interface AnswerContext {
  readonly redact: Redact;
  /** Where the login comes from, for messages. */
  readonly secret: string;
  /** The id that was sent as client-request-id. */
  readonly clientRequestId: string | undefined;
}

/** One answer, or one item of a batch. */
export interface Answered {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: unknown;
}

/**
 * What Graph means by an answer, where the general rules of HTTP are not enough; undefined leaves it to them. By status first:
 * codes may be empty. Facts: product documentation of Graph's errors, and recorded answers.
 */
export function classifyAnswer(
  answer: RawAnswer,
  request: HttpRequest,
  context: AnswerContext,
): Failure | undefined {
  if (answer.status < 400) return undefined;
  const body = jsonIn(answer.text);
  return failureOf({ status: answer.status, headers: answer.headers, body }, request.subject, context);
}

/** The same of an answer that is read already. `subject` names what was asked for, its permission in brackets. Pure. */
export function failureOf(answered: Answered, subject: string, context: AnswerContext): Failure | undefined {
  const { status } = answered;
  const refusal = refusalIn(answered.body);
  const codes = new Set(refusal.codes);
  const said = saidIn(answered, refusal, context);
  const failure = (code: FailureCode, what: string, audience?: Audience) =>
    new Failure(code, `${subject}: ${what} (${said})`, audience === undefined ? {} : { audience });

  const noPim = () =>
    new FeatureAbsent(`${subject}: the tenant has no licence for roles that are activated (${said})`);

  if (codes.has('syncStateNotFound') || codes.has('resyncRequired') || status === 410)
    return new ResyncRequired(`${subject}: the place to go on from is too old (${said})`);
  if (codes.has('Directory_ExpiredPageToken'))
    return new PageTokenExpired(`${subject}: the token of the next page has ended (${said})`);
  switch (status) {
    case 400:
      if (codes.has(pimLicence)) return noPim();
      if (refusal.message.includes('not applicable to target tenant'))
        return new FeatureAbsent(
          subject.startsWith('managedDevices')
            ? `${subject}: the tenant has no Intune; ${leaveOut('managedDevices')} (${said})`
            : `${subject}: the tenant does not have this (${said})`,
        );
      return failure(
        'configuration',
        'the query was refused; check the properties that spec.mapping asks for',
      );
    case 401:
      return codes.has('Authorization_IdentityNotFound')
        ? failure(
            'credentials',
            'the application is not installed in this tenant; give it admin consent there',
            audiences.administrator,
          )
        : failure('credentials', `the token was refused; check the application of ${context.secret}`);
    case 403:
      if (codes.has(pimLicence)) return noPim();
      if (codes.has('Authentication_RequestFromNonPremiumTenantOrB2CTenant'))
        return new FeatureAbsent(`${subject}: the tenant has no Premium licence, which this needs (${said})`);
      return failure(
        'permission',
        'reading was refused; grant the application permission that it needs, and give admin consent',
      );
    case 404:
      return failure(
        'configuration',
        'not found, it does not exist; check spec.connector.entraId.graphUrl too',
      );
    case 423:
    case 424:
      return failure('unavailable', 'it cannot be read for the moment');
    case 501:
      return failure('configuration', 'a property cannot be listed; take it out of spec.mapping');
    case 509:
      return failure('throttled', "the vendor's limit is reached");
    default:
      return undefined;
  }
}

/** Whether a new token can help: not where the application is not known to the tenant. */
export function isForeignIdentity(answer: RawAnswer): boolean {
  return (
    answer.status === 401 && refusalIn(jsonIn(answer.text)).codes.includes('Authorization_IdentityNotFound')
  );
}

export function leaveOut(stream: string): string {
  return `set spec.connector.entraId.streams.${stream}: false to leave it out`;
}

/** What concerns one stream only: the others have their turn. */
export function concernsStream(error: unknown): error is Failure {
  return (
    error instanceof Failure &&
    (error.code === 'permission' || error.code === 'configuration' || error.code === 'contract')
  );
}

/** The tenant does not have what is asked for, by the vendor's own word; a right that is missing is no such word. */
export function isNotOffered(error: unknown): error is Failure {
  return error instanceof FeatureAbsent || (error instanceof Failure && error.code === 'configuration');
}

/** Status, code and first words, and the ids by which Microsoft's support finds the request. */
function saidIn({ status, headers }: Answered, { codes, message }: Refusal, context: AnswerContext): string {
  const { redact, clientRequestId } = context;
  const code = vendorWords(codes.at(-1) ?? '', redact);
  const words = vendorWords(message, redact);
  const requestId = headers.get('request-id');
  return [
    status,
    ...(code === '' ? [] : [code]),
    ...(words === '' ? [] : [`"${words}"`]),
    ...(requestId === undefined ? [] : [`request-id ${vendorWords(requestId, redact)}`]),
    ...(clientRequestId === undefined ? [] : [`client-request-id ${clientRequestId}`]),
  ].join(', ');
}

/** For what some tenants do not have (a B2C tenant has neither delta queries nor counts): the reading does without. */
export async function unlessRefused<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (!concernsStream(error)) throw error;
    return undefined;
  }
}
