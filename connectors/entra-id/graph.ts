// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import type { Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { Failure } from '../../src/connector/failure.ts';
import type { BodyCheck, HttpClient, HttpRequest } from '../../src/connector/http.ts';
import { failureOf, type AnswerContext, type Answered } from './answers.ts';
import { BatchRequest, batchSize, type BatchItem } from './batch.ts';
import { BatchAnswer, CollectionAnswer, CountAnswer } from './wire.ts';

export interface GraphPage {
  readonly rows: readonly unknown[];
  /** The next page; a page has this or `deltaLink`, and the last of a collection neither. */
  readonly next: string | undefined;
  readonly deltaLink: string | undefined;
}

export type GraphRequest = Pick<HttpRequest, 'subject' | 'path' | 'query' | 'headers'>;

const collectionCheck = Compile(CollectionAnswer);
const countCheck = Compile(CountAnswer);
/** A batch is looked through where the answer is judged; what is left is to see that it was one. */
const batchCheck = Compile(BatchAnswer);

/** Most objects that a page of the directory holds. */
export const maxPageSize = 999;

/** Most ids that objects are asked for by at once (product documentation of getByIds). */
const mostIds = 1000;

/** Advanced queries need it, on every page. */
export const eventual = { consistencylevel: 'eventual' } as const;

/** Reads of Microsoft Graph. Every method throws a Failure that names what was asked for and the remedy. */
export class Graph {
  private readonly http: HttpClient;
  private readonly context: () => AnswerContext;

  constructor(http: HttpClient, context: () => AnswerContext) {
    this.http = http;
    this.context = context;
  }

  async page(request: GraphRequest): Promise<GraphPage> {
    return pageIn((await this.http.json(request, collectionCheck)).body);
  }

  async one<T>(request: GraphRequest, check: BodyCheck<T>): Promise<T> {
    return (await this.http.json(request, check)).body;
  }

  /** The vendor's own total, from an index that lags behind. */
  async count(request: GraphRequest): Promise<number> {
    const path = `${request.path}/$count`;
    const headers = { ...request.headers, ...eventual, accept: 'text/plain' };
    return (await this.http.json({ ...request, path, headers }, countCheck)).body;
  }

  /** Answers by the id of the item, of whatever status; in calls of twenty. */
  async batch(subject: string, items: readonly BatchItem[]): Promise<ReadonlyMap<string, Answered>> {
    const answers = new Map<string, Answered>();
    for (let start = 0; start < items.length; start += batchSize) {
      const request = new BatchRequest(subject, items.slice(start, start + batchSize));
      await this.http.json(request, batchCheck);
      for (const [id, answered] of request.answers) answers.set(id, answered);
    }
    return answers;
  }

  /** The page that an item of a batch was answered with. */
  pageOf(answered: Answered, subject: string): GraphPage {
    if (answered.status !== 200) throw this.refusal(answered, subject);
    if (collectionCheck.Check(answered.body)) return pageIn(answered.body);
    throw new Failure('contract', `${subject}: an item of a batch is no page; nothing is taken as deleted`);
  }

  /** Objects of the directory by their ids, of whatever type; what is not known is left out. Needs Directory.Read.All. */
  async byIds(what: string, ids: readonly string[]): Promise<readonly unknown[]> {
    const subject = `types by id (needs Directory.Read.All) of ${what}`;
    const found: unknown[] = [];
    for (let start = 0; start < ids.length; start += mostIds) {
      const json = { ids: ids.slice(start, start + mostIds) };
      const request = { subject, method: 'POST', path: 'directoryObjects/getByIds', json } as const;
      found.push(...(await this.http.json(request, collectionCheck)).body.value);
    }
    return found;
  }

  /** The Failure of an item of a batch that was refused. */
  refusal(answered: Answered, subject: string): Failure {
    const general = new Failure('contract', `${subject}: an item of a batch was answered ${answered.status}`);
    return failureOf(answered, subject, this.context()) ?? general;
  }

  /** All rows of a collection, page by page, to its end. */
  async *pages(request: GraphRequest): AsyncGenerator<readonly unknown[], void, void> {
    const guard = new PageGuard(request.subject);
    for (let ask: GraphRequest | undefined = request; ask !== undefined;) {
      const page: GraphPage = await this.page(ask);
      yield page.rows;
      const next = guard.next(page);
      ask = next === undefined ? undefined : followed(request, next);
    }
  }
}

function pageIn(body: Static<typeof CollectionAnswer>): GraphPage {
  return { rows: body.value, next: body['@odata.nextLink'], deltaLink: body['@odata.deltaLink'] };
}

/** A link is asked for exactly as it was given, with the headers of its first request. */
export function followed({ subject, headers }: GraphRequest, link: string): GraphRequest {
  return { subject, path: link, ...(headers === undefined ? {} : { headers }) };
}

const maxPages = 100_000;
/** Pages without rows are normal, and so are a few of them in a row. */
const maxEmptyPages = 1000;

/**
 * Sees that pages lead somewhere. A link that comes again, by a circle of any length, the same rows twice in a row, and emptiness without
 * an end each end the reading with a contract Failure. It holds one link only, that of the page whose number is the last power of two.
 */
export class PageGuard {
  private readonly subject: string;
  private pages = 0;
  private empty = 0;
  private mark = '';
  private rows = '';

  constructor(subject: string) {
    this.subject = subject;
  }

  /** The link to the page behind this one. */
  next({ next, rows }: GraphPage): string | undefined {
    if (next === undefined) return undefined;
    this.pages += 1;
    this.empty = rows.length === 0 ? this.empty + 1 : 0;
    const digest = rows.length === 0 ? '' : hash('sha256', JSON.stringify(rows), 'base64url');
    if (next === this.mark || (digest !== '' && digest === this.rows))
      throw this.failure('the pages go round in a circle');
    if (this.pages > maxPages || this.empty > maxEmptyPages)
      throw this.failure(`there is no end after ${this.pages} pages`);
    this.rows = digest;
    if (Number.isInteger(Math.log2(this.pages))) this.mark = next;
    return next;
  }

  /** The reading begins anew, so that the same pages come again. */
  restart(): void {
    this.mark = '';
    this.rows = '';
  }

  private failure(what: string): Failure {
    return new Failure('contract', `${this.subject}: ${what}; nothing is taken as deleted`);
  }
}
