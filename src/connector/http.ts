// SPDX-License-Identifier: Apache-2.0
import type { Failure } from './failure.ts';

/** One request, relative to the client's base URL. */
export interface HttpRequest {
  /** What is read, for messages: `table cmdb_ci_server`. */
  readonly subject: string;
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path below the base URL, or an absolute URL of the same origin (a next-page link). */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as application/x-www-form-urlencoded; a function makes it for each try, at the moment it is sent, where what it holds ages. */
  readonly form?: Readonly<Record<string, string>> | (() => Readonly<Record<string, string>>);
  /** Sent as application/json. */
  readonly json?: unknown;
  /** Largest decoded body that is read; default 64 MiB. */
  readonly maxBytes?: number;
  /** Times it is tried again after a transient failure; default that of the run. */
  readonly maxRetries?: number;
}

export interface HttpAnswer<T> {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: T;
  /** Bytes of the decoded body. */
  readonly bytes: number;
}

/** An answer before anything is made of it. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
  readonly bytes: number;
}

export interface HttpClientOptions {
  readonly baseUrl: URL;
  /** Field of the spec that says where it is, for messages; default `spec.connector.ID.url`. */
  readonly urlField?: string;
  /** Adds credentials to the headers of a request to the base URL's origin. */
  authorize?(headers: Record<string, string>): void | Promise<void>;
  /**
   * After a 401: true when the request is worth one more try, with newly added credentials. `sent` are the headers that were
   * refused: another request may have renewed what they carried already.
   */
  onUnauthorized?(sent: Readonly<Record<string, string>>): Promise<boolean>;
  /** The vendor's own signs, asked before the general rules; undefined leaves the answer to these. */
  classify?(answer: RawAnswer, request: HttpRequest): Failure | undefined;
}

/** A compiled TypeBox schema. */
export interface BodyCheck<T> {
  Check(value: unknown): value is T;
  Errors(value: unknown): readonly { readonly instancePath: string; readonly message: string }[];
}

export interface HttpClient {
  /** Sends, retries what is transient, and answers a body that fits the schema. Throws a Failure. */
  json<T>(request: HttpRequest, check: BodyCheck<T>): Promise<HttpAnswer<T>>;
}
