// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';

export type RawRow = Readonly<Record<string, unknown>>;

/** One good answer of the Table API in a recording. */
export interface RecordedAnswer {
  /** `FILE: exchange N (URL)`, for messages. */
  readonly where: string;
  readonly table: string;
  /** The sys_id in the address of a single record. */
  readonly id: string | undefined;
  /** Asked for with sysparm_display_value=true: plain texts are labels, the stored values are not in it. */
  readonly labelsOnly: boolean;
  readonly rows: readonly RawRow[];
}

/** A recording that cannot be served; the message names the file, the exchange and what is wrong with it. */
export class UnreadableRecording extends Error {}

const tablePath = /\/api\/now\/(?:v\d+\/)?table\/(\w+)(?:\/([^/]+))?\/?$/u;

/**
 * The answers of a file `{ exchanges: [{ request: { method, url }, response: { status, body: { result } } }] }`. What is
 * no read of the Table API and what was refused is left out. Throws UnreadableRecording for what should be data and is none.
 */
export function readAnswers(file: string): RecordedAnswer[] {
  const recording = parsedFile(file);
  const exchanges = isObject(recording) ? recording['exchanges'] : undefined;
  if (!Array.isArray(exchanges)) {
    const form = '{ "exchanges": [{ "request": { "method", "url" }, "response": { "status", "body" } }] }';
    throw new UnreadableRecording(`${file}: holds no list "exchanges"; the form is ${form}`);
  }
  return exchanges.flatMap((exchange: unknown, index) => readExchange(file, index + 1, exchange) ?? []);
}

function parsedFile(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UnreadableRecording(`${file}: cannot be read: ${messageOf(error)}`, { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UnreadableRecording(`${file}: is no JSON: ${messageOf(error)}`, { cause: error });
  }
}

/** Undefined for an exchange that holds no data. */
function readExchange(file: string, number: number, exchange: unknown): RecordedAnswer | undefined {
  const request = member(exchange, 'request');
  const address = member(request, 'url');
  if (typeof address !== 'string') {
    throw new UnreadableRecording(`${file}: exchange ${number}: request.url is no text`);
  }
  const where = `${file}: exchange ${number} (${address})`;
  const url = URL.parse(address, 'http://recorded');
  if (url === null) throw new UnreadableRecording(`${where}: request.url is no URL`);
  const [, table, id] = tablePath.exec(url.pathname) ?? [];
  const method = member(request, 'method');
  const reads = typeof method !== 'string' || method.toUpperCase() === 'GET';
  if (table === undefined || !reads) return undefined;
  const body = bodyOf(where, member(exchange, 'response'));
  if (body === undefined) return undefined;
  return {
    where,
    table,
    id,
    labelsOnly: url.searchParams.get('sysparm_display_value') === 'true',
    rows: rowsOf(where, body),
  };
}

/** The body of a good answer; undefined when the answer says of itself that it is none. */
function bodyOf(where: string, response: unknown): RawRow | undefined {
  if (!isObject(response)) throw new UnreadableRecording(`${where}: there is no response`);
  const status = response['status'] === undefined ? undefined : Number(response['status']);
  if (status !== undefined && (status < 200 || status >= 300 || status === 204)) return undefined;
  const body = parsedBody(where, response['body']);
  if (!isObject(body)) throw new UnreadableRecording(`${where}: the body is no object with a result`);
  if (body['error'] === undefined) return body;
  // Without a status it may be a refusal; with a good one the instance gave up in the middle, and rows are missing.
  if (status === undefined && body['result'] === undefined) return undefined;
  const said = member(body['error'], 'message') ?? body['error'];
  throw new UnreadableRecording(`${where}: the answer is an error: ${excerpt(said)}`);
}

function parsedBody(where: string, body: unknown): unknown {
  if (body === undefined || body === null || body === '') {
    throw new UnreadableRecording(`${where}: the answer has no body`);
  }
  if (typeof body !== 'string') return body;
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new UnreadableRecording(`${where}: the body is no JSON: ${excerpt(body)}`, { cause: error });
  }
}

function rowsOf(where: string, body: RawRow): readonly RawRow[] {
  const { result } = body;
  if (result === undefined) throw new UnreadableRecording(`${where}: the body holds no result`);
  const rows: readonly unknown[] = Array.isArray(result) ? result : [result];
  for (const [index, row] of rows.entries()) {
    if (isObject(row)) continue;
    throw new UnreadableRecording(`${where}: row ${index + 1} of the result is no object: ${excerpt(row)}`);
  }
  return rows as readonly RawRow[];
}

export function isObject(value: unknown): value is RawRow {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function member(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined;
}

function excerpt(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 80);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
