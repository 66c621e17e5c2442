// SPDX-License-Identifier: Apache-2.0
import type { Static, TSchema } from 'typebox';

/** One request, relative to the client's base URL. */
export interface HttpRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path below the base URL, or an absolute URL of the same origin (a next-page link). */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly form?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly maxBytes?: number;
  /** What the request reads, for messages: `table cmdb_ci_server`. */
  readonly subject: string;
}

export interface HttpAnswer<T> {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: T;
  readonly bytes: number;
}
export type { Static, TSchema };
