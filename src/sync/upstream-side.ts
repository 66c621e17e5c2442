// SPDX-License-Identifier: Apache-2.0
import type { Credentials } from '../connector/contract.ts';
import type { HttpClient, HttpClientOptions } from '../connector/http.ts';
import type { LdapClient, LdapOptions } from '../connector/ldap/client.ts';
import type { DatedAnswer } from '../connector/vendor-clock.ts';

/** The upstream side of one attempt: clients that share budget, correlation id and meter. */
export interface Upstream {
  http(options: HttpClientOptions): HttpClient;
  ldap(options: LdapOptions): Promise<LdapClient>;
  readonly usage: { readonly requests: number; readonly bytes: number; readonly throttledMs: number };
  /** The answer of an origin by which its clock is best known; undefined when none told. */
  clockOf(origin: string): DatedAnswer | undefined;
  close(): Promise<void>;
}

export interface UpstreamRequest {
  readonly correlationId: string;
  /** Their account is whose limits at the vendor the requests use up. */
  readonly credentials: Credentials;
  readonly signal: AbortSignal;
  /** No wait may be longer than this. */
  readonly remainingMs: () => number;
}
