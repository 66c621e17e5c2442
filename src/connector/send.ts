// SPDX-License-Identifier: Apache-2.0
import { request as undiciRequest, type Agent, type Dispatcher } from 'undici';
import { acceptedEncodings, startOfBody, UnknownEncoding, wholeBody } from './body.ts';
import { exactText, isWebPage, roughText } from './body-text.ts';
import { connectionFailure } from './connection-failure.ts';
import { Failure } from './failure.ts';
import type { HttpRequest, RawAnswer } from './http.ts';
import { vendorWords, type Redact } from './vendor-words.ts';

export interface Transfer {
  readonly what: string;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** For the whole exchange, body included. */
  readonly timeoutMs: number;
  /** Bytes of the decoded body, as they come. */
  readonly onBytes: (bytes: number) => void;
  readonly redact: Redact;
  /** Field of the spec that holds the URL, for messages. */
  readonly urlField: string;
}

/** Enough of a refusal to find the vendor's message in it. */
const refusalMaxBytes = 16 * 1024;

/**
 * Sends one request, follows nothing, and reads the body within the bound. Throws a Failure for whatever goes wrong on the
 * way; but once a status other than 2xx has come, it and the headers are answered whatever becomes of the body.
 */
export async function send(
  agent: Agent,
  url: URL,
  request: HttpRequest,
  headers: Readonly<Record<string, string>>,
  transfer: Transfer,
): Promise<RawAnswer> {
  const body = bodyOf(request);
  const tooLong = AbortSignal.timeout(transfer.timeoutMs);
  try {
    const response = await undiciRequest(url, {
      dispatcher: agent,
      method: request.method ?? 'GET',
      headers: { 'accept-encoding': acceptedEncodings, ...headers, ...body.headers },
      ...(body.content === undefined ? {} : { body: body.content }),
      signal: AbortSignal.any([transfer.signal, tooLong]),
    });
    return await received(response, transfer);
  } catch (error) {
    if (transfer.signal.aborted) throw stopped(transfer.signal);
    if (tooLong.aborted) {
      const message = `${transfer.what}: the answer took longer than ${transfer.timeoutMs / 1000} s; lower spec.limits.pageSize`;
      throw new Failure('unavailable', message, { cause: error });
    }
    throw connectionFailure(error, url, transfer);
  }
}

function bodyOf(request: HttpRequest): { content: string | undefined; headers: Record<string, string> } {
  const { form } = request;
  if (form !== undefined) {
    const content = new URLSearchParams(typeof form === 'function' ? form() : form).toString();
    return { content, headers: { 'content-type': 'application/x-www-form-urlencoded' } };
  }
  if (request.json === undefined) return { content: undefined, headers: {} };
  return { content: JSON.stringify(request.json), headers: { 'content-type': 'application/json' } };
}

async function received(response: Dispatcher.ResponseData, transfer: Transfer): Promise<RawAnswer> {
  const status = response.statusCode;
  const headers = headersOf(response);
  const type = headers.get('content-type');
  const encoding = headers.get('content-encoding');
  if (status < 200 || status >= 300) {
    const maxBytes = Math.min(transfer.maxBytes, refusalMaxBytes);
    const content = await startOfBody(response.body, encoding, { ...transfer, maxBytes });
    transfer.signal.throwIfAborted();
    return { status, headers, text: roughText(content, type), bytes: content.length };
  }
  const content = await wholeBody(response.body, encoding, transfer).catch((error: unknown) => {
    if (!(error instanceof UnknownEncoding)) throw error;
    const said = vendorWords(error.message, transfer.redact);
    const message = `${transfer.what}: the answer comes in content-encoding "${said}", which was not asked for`;
    throw new Failure('contract', message);
  });
  // A page for people becomes no data, and its text is read only to tell what it is.
  const page = isWebPage(type, content.toString('latin1', 0, 64));
  const text = page ? roughText(content, type) : exactText(content, type, transfer);
  return { status, headers, text, bytes: content.length };
}

function headersOf(response: Dispatcher.ResponseData): Map<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers.set(name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value);
  }
  return headers;
}

function stopped(signal: AbortSignal): Failure {
  return new Failure('cancelled', 'the run was stopped', { cause: signal.reason });
}
