// SPDX-License-Identifier: Apache-2.0
import type { LookupFunction } from 'node:net';
import type { SecureContext } from 'node:tls';
import { BindRequest, FilterParser, SearchRequest, type Control, type Filter } from 'ldapts';
import { checkUrl, type AddressPolicy } from '../address.ts';
import { Failure } from '../failure.ts';
import { originOf } from '../origin.ts';
import { backoffMs, retrying, type RetryOptions } from '../retry.ts';
import type { DatedAnswer } from '../vendor-clock.ts';
import { vendorWords, type Redact } from '../vendor-words.ts';
import { bindRefusal } from './bind-refusal.ts';
import type {
  LdapClient,
  LdapControl,
  LdapEntry,
  LdapOptions,
  LdapPage,
  LdapSearch,
  RootDse,
} from './client.ts';
import type { Answer, ConnectionLimits, LdapConnection } from './connection.ts';
import { oidOf, pagedControl, pagedOid, requestControl } from './controls.ts';
import { entryOf } from './entry.ts';
import type { Logins } from './logins.ts';
import { openConnection } from './open-connection.ts';
import { PagedPlace } from './paged-place.ts';
import { failureOfResult, resultName, saysUnbound } from './result.ts';
import { rootAttributes, rootDseOf } from './root-dse.ts';

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

const defaultPageSize = 500;
/** A directory that is busy is asked again after 5 s, then 10 s, … for all of the account. */
const firstPauseMs = 5_000;
const longestPauseMs = 300_000;

/** Connects to the first of the servers that answers, and binds. Throws a Failure. */
export async function openLdap(
  options: LdapOptions,
  kit: LdapKit,
): Promise<LdapClient & { destroy(): void }> {
  const { urls, urlField, name, password } = options;
  if (urls.length === 0) throw new Failure('configuration', `${urlField}: no URL is given; name a server`);
  for (const url of urls) checkUrl(url, kit.addresses, urlField, options.startTls);
  // A directory would call it a success, and the run would be a guest's.
  if (name === '' || password === '') {
    const lacking = name === '' ? 'user name' : 'password';
    const message = `the ${lacking} is empty; set it in the Secret (nothing was sent: a directory takes an empty one for a guest)`;
    throw new Failure('credentials', message);
  }
  const session = new LdapSession(options, kit);
  try {
    await session.root();
    return session;
  } catch (error) {
    session.destroy();
    throw error;
  }
}

class LdapSession implements LdapClient {
  private readonly options: LdapOptions;
  private readonly kit: LdapKit;
  private readonly binary: ReadonlySet<string>;
  private live: LdapConnection | undefined;
  private opening: Promise<LdapConnection> | undefined;
  /** The server that took the credentials. */
  private server: URL | undefined;
  private offered: ReadonlySet<string> = new Set();
  private closed = false;

  constructor(options: LdapOptions, kit: LdapKit) {
    this.options = options;
    this.kit = kit;
    this.binary = new Set(options.binaryAttributes.map((name) => name.toLowerCase()));
  }

  get url(): URL {
    const url = this.server ?? this.options.urls[0];
    if (url === undefined) throw new Failure('internal', 'an LDAP client without a URL');
    return url;
  }

  async root(): Promise<RootDse> {
    const search = { subject: 'rootDSE', base: '', filter: '(objectClass=*)', attributes: rootAttributes };
    return this.ask(search.subject, async (connection, attempt) => {
      const sentAt = this.kit.now();
      const { entries } = await this.searched(connection, { ...search, scope: 'base' }, [], attempt);
      const receivedAt = this.kit.now();
      const [entry] = entries;
      if (entry === undefined) {
        const message = `${this.described(search.subject)}: the server shows none; check ${this.options.urlField}`;
        throw new Failure('contract', message);
      }
      const root = rootDseOf(entryOf(entry, this.binary));
      this.offered = root.supportedControls;
      const [first = this.url] = this.options.urls;
      // Servers of one list stand for one another, and are known by the first.
      if (root.currentTime !== undefined)
        this.kit.onClock(originOf(first), { date: root.currentTime, sentAt, receivedAt });
      return root;
    });
  }

  async *pages(search: LdapSearch): AsyncGenerator<LdapPage, void, void> {
    this.require(search.subject, search.controls, true);
    const request = { ...search, filter: parsed(search.filter, search.subject) };
    const place = new PagedPlace(this.described(search.subject));
    try {
      do {
        yield await this.ask(search.subject, (connection, attempt) =>
          this.page(connection, request, place, attempt),
        );
      } while (!place.ended);
    } finally {
      // A directory keeps few places per connection, and throws away those of others when there are too many.
      place.heldBy?.destroy();
    }
  }

  async one(search: Omit<LdapSearch, 'scope' | 'pageSize'>): Promise<LdapEntry | undefined> {
    this.require(search.subject, search.controls, false);
    const request = { ...search, filter: parsed(search.filter, search.subject), scope: 'base' } as const;
    const controls = (search.controls ?? []).map(requestControl);
    const entries = await this.ask(search.subject, async (connection, attempt) => {
      const answer = await this.searched(connection, request, controls, attempt, (code) => code === 32);
      return answer.result.code === 32 ? [] : answer.entries;
    });
    if (entries.length > 1) {
      const message = `${this.described(search.subject)}: ${entries.length} entries came for one DN`;
      throw new Failure('contract', message);
    }
    const [entry] = entries;
    return entry === undefined ? undefined : entryOf(entry, this.binary);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.forgetOpening();
    await this.live?.close();
  }

  destroy(): void {
    this.closed = true;
    this.forgetOpening();
    this.live?.destroy();
  }

  /** A connection that is being made is not waited for; who asked for it learns of its failure. */
  private forgetOpening(): void {
    void this.opening?.then(
      (connection) => connection.destroy(),
      () => undefined,
    );
  }

  private async page(
    connection: LdapConnection,
    search: LdapSearch,
    place: PagedPlace,
    attempt: number,
  ): Promise<LdapPage> {
    const cookie = place.cookieOn(connection);
    const paged = pagedControl(search.pageSize ?? defaultPageSize, cookie);
    const controls = [...(search.controls ?? []).map(requestControl), paged];
    const lost = (code: number) => cookie.length > 0 && (code === 12 || code === 53);
    const answer = await this.searched(connection, search, controls, attempt, lost);
    if (lost(answer.result.code))
      throw place.lost(failureOfResult(answer.result, this.reading(search)).message);
    const start = cookie.length === 0;
    place.advance(connection, answer);
    return {
      start,
      entries: answer.entries.map((entry) => entryOf(entry, this.binary)),
      references: answer.references,
    };
  }

  /** One search request; a result that is neither success nor `accepted` is thrown as what it means. */
  private async searched(
    connection: LdapConnection,
    search: LdapSearch,
    controls: Control[],
    attempt: number,
    accepted: (code: number) => boolean = () => false,
  ): Promise<Answer> {
    const { base: baseDN, scope } = search;
    const filter = parsed(search.filter, search.subject);
    const answer = await connection.exchange(
      this.described(search.subject),
      'done',
      // No limit but the server's own: with one of ours a list that is cut would look whole.
      (messageId) =>
        new SearchRequest({
          ...{ messageId, baseDN, scope, filter, controls, attributes: [...search.attributes] },
          ...{ sizeLimit: 0, timeLimit: 0, derefAliases: 'never' },
        }),
    );
    const { result } = answer;
    if (result.code === 0 || accepted(result.code)) return answer;
    if (saysUnbound(result)) connection.destroy();
    throw this.judged(failureOfResult(result, this.reading(search)), attempt);
  }

  /** A busy directory is left alone by all of the account, from before its place on the budget is free again. */
  private judged(failure: Failure, attempt: number): Failure {
    if (failure.code === 'throttled') {
      const ownMs = backoffMs(attempt, this.kit.random);
      const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** (attempt - 1));
      this.kit.budget.pause(Math.max(ownMs, pauseMs));
    }
    return failure;
  }

  /** A request with the retries that its failure is worth. */
  private ask<T>(
    subject: string,
    work: (connection: LdapConnection, attempt: number) => Promise<T>,
  ): Promise<T> {
    return retrying(async (attempt) => {
      const connection = await this.connected(attempt);
      return this.onBudget(this.described(subject), () => work(connection, attempt));
    }, this.kit);
  }

  private onBudget<T>(what: string, work: () => Promise<T>): Promise<T> {
    const { budget, signal, remainingMs, onHeld } = this.kit;
    return budget.use(work, { what, signal, remainingMs, onHeld });
  }

  /** A connection that is bound; nobody gets another one. */
  private async connected(attempt: number): Promise<LdapConnection> {
    if (this.closed) throw new Failure('internal', 'an LDAP client was used after it was closed');
    if (this.live?.usable === true) return this.live;
    this.opening ??= this.open(attempt).finally(() => (this.opening = undefined));
    return this.opening;
  }

  private async open(attempt: number): Promise<LdapConnection> {
    const failures: Failure[] = [];
    for (const url of this.server === undefined ? this.options.urls : [this.server]) {
      try {
        this.live = await this.onBudget(`connecting to ${url.host}`, () => this.bound(url, attempt));
        this.server = url;
        return this.live;
      } catch (error) {
        if (!(error instanceof Failure) || error.code !== 'unavailable') throw error;
        failures.push(error);
      }
    }
    const [first, ...others] = failures;
    if (first !== undefined && others.length === 0) throw first;
    const { audience } = first ?? {};
    const shared = audience !== undefined && others.every((other) => other.audience === audience);
    throw new Failure('unavailable', failures.map(({ message }) => message).join('; '), {
      cause: first,
      ...(shared ? { audience } : {}),
    });
  }

  private async bound(url: URL, attempt: number): Promise<LdapConnection> {
    const { kit, options } = this;
    const { name, startTls, urlField } = options;
    kit.logins.check(name);
    const target = { ...kit, url, startTls, secureContext: kit.secureContext() };
    const connection = await openConnection(target, {
      ...{ ...kit, host: url.host, urlField, monotonicMs: () => kit.clock.monotonicMs() },
      onAnswered: (code, durationMs) =>
        kit.onRequest({ status: code === undefined ? undefined : resultName(code), durationMs }),
    });
    try {
      await kit.logins.try(name, () => this.bind(connection, `login at ${url.host}`, attempt));
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  private async bind(connection: LdapConnection, what: string, attempt: number): Promise<void> {
    const { name, password } = this.options;
    const { redact } = this.kit;
    const { result } = await connection.exchange(
      what,
      'bind',
      (messageId) => new BindRequest({ messageId, dn: name, password }),
    );
    if (result.code === 49) throw bindRefusal(result.text, { what, name, redact });
    if (result.code !== 0) throw this.judged(failureOfResult(result, { what, redact }), attempt);
  }

  private require(subject: string, controls: readonly LdapControl[] | undefined, paged: boolean): void {
    const wanted = [...(paged ? [{ name: 'paged results', oid: pagedOid }] : [])];
    for (const name of controls ?? []) wanted.push({ name, oid: oidOf(name) });
    const lacking = wanted.find(({ oid }) => !this.offered.has(oid));
    if (lacking === undefined) return;
    const message = `${this.described(subject)}: the server does not offer the control ${lacking.name} (${lacking.oid}); check ${this.options.urlField}`;
    throw new Failure('configuration', message);
  }

  private described(subject: string): string {
    return `${subject} (at ${this.url.host})`;
  }

  private reading(search: LdapSearch): { what: string; base: string; redact: Redact } {
    return { what: this.described(search.subject), base: search.base, redact: this.kit.redact };
  }
}

/** A text escapes single bytes beyond ASCII as if they were characters, and would match nothing. */
function parsed(filter: string | Filter, subject: string): Filter {
  if (typeof filter !== 'string') return filter;
  if (/\\[89a-f][\da-f]/iu.test(filter)) {
    const message = `${subject}: a filter as text holds escaped bytes; build it, see src/connector/ldap/filter.ts`;
    throw new Failure('internal', message);
  }
  try {
    return FilterParser.parseString(filter);
  } catch (error) {
    const why = error instanceof Error ? vendorWords(error.message, (text) => text) : 'unknown';
    throw new Failure('internal', `${subject}: the filter cannot be read: ${why}`, { cause: error });
  }
}
