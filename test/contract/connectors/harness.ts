// SPDX-License-Identifier: Apache-2.0
import type { AuthType } from '../../../src/api/external-system.ts';
import type { FailureCode } from '../../../src/api/failure.ts';
import type { HttpFault } from './http-faults.ts';
import type { LdapFault } from './ldap-faults.ts';

/*
 * What a connector hands in to be held to the contract of all connectors. It describes one small system over a real socket (an emulator, a
 * fake or the vendor's own server) and what is in it, exactly; what is asked of a connector stands in the suites and is the same for all.
 */

/** One request of a run, found again in another run by where it stands in the order of its stream's requests. */
export interface Place {
  /** Undefined: what belongs to no stream, such as logging in and look-ups that all streams share. */
  readonly stream: string | undefined;
  /** From 0, since the requests were last counted from the beginning. */
  readonly request: number;
}

/** The system while it runs. Everything it does is settled when its promises are. */
export interface RunningSystem<Fault extends string = string> extends AsyncDisposable {
  /** `spec.connector.ID`, with every stream switched on. */
  readonly connector: Readonly<Record<string, unknown>>;
  /** The stream of each request that came since the last `lift`, in order. */
  readonly asked: readonly (string | undefined)[];
  /** Adds and changes records, as `expected` says. Never removes any. Called once. */
  change(): Promise<void>;
  /** Removes records, so that the vendor itself says so where it can. Called once, after `change`. */
  remove(): Promise<void>;
  /**
   * Goes wrong at a request and at all later ones of its stream, or only `times` times, until it is lifted. Counting begins with the
   * call. Answers how often it went wrong so far.
   */
  fault(kind: Fault, at: Place, times?: number): () => number;
  /** All is well again, and counting begins anew. */
  lift(): void;
  /** Secrets that the vendor gave out so far: tokens, as they stood in its answers. */
  issued(): readonly string[];
  /** Where a fault can say what it likes, it quotes the secrets of the request, as vendors do. Until `lift`. */
  quoteSecrets(): void;
  /** Every record carries this text in a field that nobody has asked for. Until `lift`. */
  plant(canary: string): void;
  /** What came to a place where a hostile answer leads; nothing may. */
  readonly strays: readonly string[];
  /** `drip` is called when an answer has begun that will not end: time may go on then. */
  watch(on: { readonly drip: () => void }): void;
}

/** What one stream holds, and what becomes of it. */
export interface ExpectedStream {
  /** Records at the start; at least three, so that there is a page in the middle at `pageSize`. */
  readonly records: number;
  /** What the first run after `change` says of it, incremental where the stream is. */
  readonly changed: { readonly created: number; readonly updated: number };
  /** What the first full run after `remove` says of it. */
  readonly deleted: number;
}

interface Harness<Fault extends string> {
  /** The member of spec.connector. */
  readonly id: string;
  readonly auth: AuthType;
  /** What of the spec beside the connector its streams need, such as roleMappings. */
  readonly spec?: object;
  /** Data of the Secret. The values of secret keys begin with `canary-`, private keys and what must have a form excepted. */
  readonly secret: Readonly<Record<string, string>>;
  /** `spec.limits.pageSize`, so small that every stream has several pages. */
  readonly pageSize: number;
  readonly expected: Readonly<Record<string, ExpectedStream>>;
  /** Secrets that stand in the system in fields that nobody may ask for or keep. */
  readonly unasked: readonly string[];
  /** Records that a stream reads again in a run in which nothing has changed: its windows overlap. 0 when absent. */
  readonly overlap?: Readonly<Record<string, number>>;
  /** Faults that its protocol has no place for, each with the reason. */
  readonly without: Readonly<Partial<Record<Fault, string>>>;
  /** What a fault may mean besides what it means for all, where this vendor has words of its own for it. */
  readonly alsoMeans?: Readonly<Partial<Record<Fault, readonly FailureCode[]>>>;
  start(): Promise<RunningSystem<Fault>>;
}

export type HttpHarness = Harness<HttpFault> & { readonly transport: 'http' };
export type LdapHarness = Harness<LdapFault> & { readonly transport: 'ldap' };
export type ConnectorHarness = HttpHarness | LdapHarness;
