// SPDX-License-Identifier: Apache-2.0
import { Compile } from 'typebox/compile';
import { Failure } from '../../src/connector/failure.ts';
import type { HttpRequest, RawAnswer } from '../../src/connector/http.ts';
import { ErrorAnswer, ListAnswer } from './wire.ts';

/** Pages above this are made smaller when the server cuts its answer; at or below it the answer is asked for again. */
export const minPageSize = 50;

/**
 * A cut answer that is worth asking for in a smaller size. Its code keeps the client from repeating the same size; the
 * reader of pages turns it into `unavailable`.
 */
export class AnswerCutSignal extends Failure {
  constructor(message: string) {
    super('contract', message);
  }
}

const errorCheck = Compile(ErrorAnswer);
const listCheck = Compile(ListAnswer);

/**
 * What ServiceNow means by an answer, where the general rules of HTTP are not enough; undefined leaves it to them.
 * Facts: product documentation and clients (Table API, transaction quotas, instance hibernation).
 */
export function classifyAnswer(answer: RawAnswer, request: HttpRequest): Failure | undefined {
  switch (answer.status) {
    case 200:
      return classifySuccess(answer, request);
    case 400:
      return new Failure(
        'configuration',
        `${request.subject}: ${said(answer)}; ${badRequestRemedy(request)}`,
      );
    case 401:
      return mfaDemand(answer, request);
    case 403:
      return new Failure(
        'permission',
        `${request.subject}: reading was refused (403, ${said(answer)}); ${grantRemedy(request.subject)}`,
      );
    case 404:
      return new Failure(
        'configuration',
        `${request.subject}: not found (404, ${said(answer)}); the table does not exist, its plugin is not active, or it is hidden from the account`,
      );
    default:
      return undefined;
  }
}

function classifySuccess(answer: RawAnswer, request: HttpRequest): Failure | undefined {
  const { text } = answer;
  const type = answer.headers.get('content-type') ?? '';
  if (type.includes('html') || /^\s*</u.test(text.slice(0, 256))) {
    return new Failure(
      'unavailable',
      `${request.subject}: a web page came instead of data: the instance hibernates, is in maintenance or shows its login page; wake it, or check spec.connector.serviceNowCmdb.url`,
    );
  }
  // A whole list ends like this; only other endings are worth reading twice.
  if (text.slice(-16).trimEnd().endsWith(']}')) return undefined;
  const body = parsed(text);
  if (body === undefined) return cut(request, 'the answer stops in the middle');
  if (errorCheck.Check(body)) return cut(request, `the answer is an error with status 200 (${said(answer)})`);
  if (!listCheck.Check(body)) return cut(request, 'the answer holds no list of rows');
  return undefined;
}

function cut(request: HttpRequest, what: string): Failure {
  const message = `${request.subject}: ${what}; the server probably cancelled its transaction, set a smaller spec.limits.pageSize`;
  const limit = Number(request.query?.['sysparm_limit'] ?? 0);
  return limit > minPageSize ? new AnswerCutSignal(message) : new Failure('unavailable', message);
}

/** A 401 that no other password can mend. */
export function demandsMfa(answer: RawAnswer): boolean {
  return answer.status === 401 && answer.headers.has('x-mfa_token');
}

function mfaDemand(answer: RawAnswer, request: HttpRequest): Failure | undefined {
  if (!demandsMfa(answer)) return undefined;
  return new Failure(
    'credentials',
    `${request.subject}: the instance demands multi-factor authentication for this user, which Basic cannot give; exempt the integration user from it`,
  );
}

function badRequestRemedy(request: HttpRequest): string {
  return request.subject.startsWith('table cmdb')
    ? 'check spec.connector.serviceNowCmdb.classes and query'
    : 'the table may not exist on this instance';
}

/** What to grant for a table, in ServiceNow's words. */
export function grantRemedy(subject: string): string {
  const table = subject.replace(/^table /u, '');
  return `grant the integration user read access to ${table} (${roleFor(table)}, or a read ACL)`;
}

export function roleFor(table: string): string {
  return table === 'sys_db_object' || table === 'sys_dictionary'
    ? 'role personalize_dictionary'
    : table.startsWith('cmdb')
      ? 'role cmdb_read or itil'
      : 'role itil';
}

/** The message of an error body, bounded; never the whole body. */
function said(answer: RawAnswer): string {
  const body = parsed(answer.text);
  if (!errorCheck.Check(body)) return 'no message';
  const { error } = body;
  if (typeof error === 'string') return error.slice(0, 160);
  return [error.message, error.detail]
    .filter((part) => typeof part === 'string' && part !== '')
    .join(': ')
    .slice(0, 160);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON is an answer too: the callers say what it means.
    return undefined;
  }
}
