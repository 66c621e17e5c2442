// SPDX-License-Identifier: Apache-2.0
import type { LookupFunction } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { AddressPolicy } from '../address.ts';
import type { RetryOptions } from '../retry.ts';
import type { DatedAnswer } from '../vendor-clock.ts';
import type { Redact } from '../vendor-words.ts';
import type { ConnectionLimits } from './connection.ts';
import type { Logins } from './logins.ts';

/** What a run shares among its clients; see upstream.ts. */
export interface LdapKit extends RetryOptions, ConnectionLimits {
  readonly addresses: AddressPolicy;
  readonly lookup: LookupFunction;
  readonly secureContext: () => SecureContext;
  readonly connectMs: number;
  readonly redact: Redact;
  readonly now: () => Date;
  readonly onHeld: () => () => void;
  readonly onSent: () => void;
  readonly onBytes: (bytes: number) => void;
  readonly onRequest: (result: { readonly status: string | undefined; readonly durationMs: number }) => void;
  readonly onClock: (origin: string, answer: DatedAnswer) => void;
  /** Of this run, by whichever client. */
  readonly logins: Logins;
}
