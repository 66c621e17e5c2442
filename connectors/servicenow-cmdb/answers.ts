// SPDX-License-Identifier: Apache-2.0
import { Compile } from 'typebox/compile';
import type { AuthType } from '../../src/api/external-system.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { HttpRequest, RawAnswer } from '../../src/connector/http.ts';
import { vendorWords, type Redact } from '../../src/connector/vendor-words.ts';
import { minPageSize } from './page-size.ts';
import { ErrorAnswer, ListAnswer } from './wire.ts';

/** One table does not answer as it should while the instance does: its scope is unverified, the others have their turn. */
export class TableTrouble extends Failure {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('unavailable', message, options);
  }
}

/**
 * A cut answer that is worth asking for in a smaller size. Its code keeps the client from repeating the same size; the
 * reader of pages turns it into a TableTrouble.
 */
export class AnswerCutSignal extends Failure {
  constructor(message: string) {
    super('contract', message);
  }
}

const urlField = 'spec.connector.serviceNowCmdb.url';
const errorCheck = Compile(ErrorAnswer);
const listCheck = Compile(ListAnswer);

export interface AnswerContext {
  /** Whether any table has answered before: until then the address itself may be wrong. */
  readonly answered: boolean;
  /** Where the login comes from, for messages. */
  readonly secret: string;
  readonly auth: AuthType;
  readonly redact: Redact;
}

/**
 * What ServiceNow means by an answer, where the general rules of HTTP are not enough; undefined leaves it to them.
 * Facts: product documentation and clients (Table API, transaction quotas, instance hibernation).
 */
export function classifyAnswer(
  answer: RawAnswer,
  request: HttpRequest,
  context: AnswerContext,
): Failure | undefined {
  const { subject } = request;
  const { status } = answer;
  const { redact } = context;
  if (isGood(status)) return classifySuccess(answer, request, redact);
  const address = context.answered
    ? ''
    : `; no table has answered at this address so far, so check ${urlField} too`;
  switch (status) {
    case 400:
      return new Failure(
        'configuration',
        `${subject}: ${said(answer, redact)}; ${badRequestRemedy(subject)}${address}`,
      );
    case 401:
      return refusedLogin(answer, subject, context);
    case 403:
      return new Failure(
        'permission',
        `${subject}: reading was refused (403, ${said(answer, redact)}); ${grantRemedy(subject)}`,
      );
    case 404:
      return new Failure(
        'configuration',
        `${subject}: not found (404, ${said(answer, redact)}); the table does not exist, its plugin is not active, or it is hidden from the account${address}`,
      );
    case 500:
      return new TableTrouble(
        `${subject}: the server fails (500, ${said(answer, redact)}); look for script errors of this table in the log of the instance, or set a smaller spec.limits.pageSize`,
      );
    default:
      return undefined;
  }
}

export function isGood(status: number): boolean {
  return status >= 200 && status < 300;
}

function classifySuccess(answer: RawAnswer, request: HttpRequest, redact: Redact): Failure | undefined {
  const { text } = answer;
  const type = answer.headers.get('content-type') ?? '';
  if (type.includes('html') || /^\s*</u.test(text.slice(0, 256))) {
    return new Failure(
      'unavailable',
      `${request.subject}: a web page came instead of data: the instance hibernates, is in maintenance or shows its login page; wake it, or check ${urlField}`,
    );
  }
  // A whole list ends like this and names no error; only other answers are worth reading twice.
  if (text.slice(-16).trimEnd().endsWith(']}') && !text.includes('"error"')) return undefined;
  const body = parsed(text);
  if (body === undefined) return cut(request, 'the answer stops in the middle');
  if (holdsError(body))
    return cut(request, `the answer is an error with status 200 (${said(answer, redact)})`);
  if (!listCheck.Check(body)) return cut(request, 'the answer holds no list of rows');
  return undefined;
}

/** An error beside the rows means that rows are missing. */
function holdsError(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'error' in body && body.error !== null;
}

function cut(request: HttpRequest, what: string): Failure {
  const message = `${request.subject}: ${what}; the server probably cancelled its transaction, set a smaller spec.limits.pageSize`;
  const limit = Number(request.query?.['sysparm_limit'] ?? 0);
  return limit > minPageSize ? new AnswerCutSignal(message) : new TableTrouble(message);
}

/** A 401 that no other password can mend. */
export function demandsMfa(answer: RawAnswer): boolean {
  return answer.status === 401 && answer.headers.has('x-mfa_token');
}

function refusedLogin(answer: RawAnswer, subject: string, { auth, secret, redact }: AnswerContext): Failure {
  if (demandsMfa(answer)) {
    const message = `${subject}: the instance demands multi-factor authentication for this user, which Basic cannot give; exempt the integration user from it, or use spec.auth.type OAuth2`;
    return new Failure('credentials', message);
  }
  const refused = `(401, ${said(answer, redact)})`;
  const message =
    auth === 'OAuth2'
      ? `${subject}: a token that was just given out was refused ${refused}; check that the user behind clientId of ${secret} is active, and that no auth scope or access policy keeps the application from the Table API`
      : `${subject}: the login was refused ${refused}; correct username and password in ${secret}, or unlock the user`;
  return new Failure('credentials', message);
}

/** Tables of the other streams and look-ups; whatever else is asked for is a class of the configuration. */
const fixedTables: ReadonlySet<string> = new Set([
  'cmdb_rel_ci',
  'sys_user',
  'sys_user_group',
  'sys_user_grmember',
]);

function badRequestRemedy(subject: string): string {
  const table = tableIn(subject);
  return fixedTables.has(table) || table.startsWith('sys_')
    ? 'the table may not exist on this instance'
    : 'check spec.connector.serviceNowCmdb.classes and query';
}

function tableIn(subject: string): string {
  return subject.replace(/^table /u, '');
}

/** What to grant for a table, in ServiceNow's words. */
export function grantRemedy(subject: string): string {
  const table = tableIn(subject);
  return `grant the integration user read access to ${table} (${roleFor(table)}, or a read ACL)`;
}

export function roleFor(table: string): string {
  if (table === 'sys_audit_delete') return 'role admin';
  return table === 'sys_db_object' || table === 'sys_dictionary'
    ? 'role personalize_dictionary'
    : table.startsWith('cmdb')
      ? 'role cmdb_read or itil'
      : 'role itil';
}

/** The message of an error body, bounded; never the whole body. */
function said(answer: RawAnswer, redact: Redact): string {
  const body = parsed(answer.text);
  if (!errorCheck.Check(body)) return 'no message';
  const { error } = body;
  const parts = typeof error === 'string' ? [error] : [error.message, error.detail];
  return vendorWords(parts.filter((part) => typeof part === 'string' && part !== '').join(': '), redact);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON is an answer too: the callers say what it means.
    return undefined;
  }
}
