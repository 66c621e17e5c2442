// SPDX-License-Identifier: Apache-2.0
import { BindRequest } from 'ldapts';
import { checkUrl } from '../address.ts';
import { Failure } from '../failure.ts';
import { OutOfTries, retrying } from '../retry.ts';
import { bindRefusal } from './bind-refusal.ts';
import { BoundServer, judged, parsedFilter, type ParsedSearch } from './bound-server.ts';
import type {
  LdapClient,
  LdapControl,
  LdapEntry,
  LdapOptions,
  LdapPage,
  LdapSearch,
  RootDse,
} from './client.ts';
import type { LdapConnection } from './connection.ts';
import { oidOf, pagedOid } from './controls.ts';
import type { LdapKit } from './kit.ts';
import { UnansweredLogin } from './logins.ts';
import { openConnection } from './open-connection.ts';
import { PagedPlace } from './paged-place.ts';
import { failureOfResult, resultName } from './result.ts';

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
    const root = await this.ask('rootDSE', (server) => server.root());
    this.offered = root.supportedControls;
    return root;
  }

  async *pages(search: LdapSearch): AsyncGenerator<LdapPage, void, void> {
    const { subject } = search;
    this.require(subject, search.controls, true);
    const request = { ...search, filter: parsedFilter(search.filter, subject) };
    const place = new PagedPlace(this.described(subject));
    let isBroken = false;
    try {
      do {
        yield await this.ask(subject, (server) => server.page(request, place));
      } while (!place.ended);
    } catch (error) {
      isBroken = true;
      throw error;
    } finally {
      await this.giveUp(request, place, isBroken);
    }
  }

  /** A directory keeps few places per connection, and throws away those of others when there are too many: so one that is not gone on with is given back. */
  private async giveUp(search: ParsedSearch, place: PagedPlace, isBroken: boolean): Promise<void> {
    const { held } = place;
    if (held === undefined) return;
    const { connection, cookie } = held;
    // Whom something was wrong with is not asked for a favour.
    if (isBroken || this.closed) return connection.destroy();
    const server = this.serverOn(connection, this.url, 1);
    const isGivenBack = await this.onBudget(this.described(search.subject), () =>
      server.giveUp(search, cookie),
    ).catch(
      // What was read is read: with the connection its places go.
      () => false,
    );
    if (!isGivenBack) connection.destroy();
  }

  async one(search: Omit<LdapSearch, 'scope' | 'pageSize'>): Promise<LdapEntry | undefined> {
    this.require(search.subject, search.controls, false);
    return this.ask(search.subject, (server) => server.one(search));
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

  /** A request with the retries that its failure is worth. */
  private ask<T>(subject: string, work: (server: BoundServer) => Promise<T>): Promise<T> {
    return retrying(async (attempt) => {
      const connection = await this.connected(attempt);
      const server = this.serverOn(connection, this.url, attempt);
      return this.onBudget(this.described(subject), () => work(server));
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
    const Kind = failures.every((failure) => failure instanceof OutOfTries) ? OutOfTries : Failure;
    throw new Kind('unavailable', failures.map(({ message }) => message).join('; '), {
      cause: first,
      ...(shared ? { audience } : {}),
    });
  }

  private async bound(url: URL, attempt: number): Promise<LdapConnection> {
    const { kit, options } = this;
    const { urls, name, password, startTls, urlField } = options;
    const account = { hosts: urls.map(({ host }) => host), name, password };
    kit.logins.check(account, url.host);
    const target = { ...kit, url, startTls, secureContext: kit.secureContext() };
    const connection = await openConnection(target, {
      ...{ ...kit, host: url.host, urlField, monotonicMs: () => kit.clock.monotonicMs() },
      onAnswered: (code, durationMs) =>
        kit.onRequest({ status: code === undefined ? undefined : resultName(code), durationMs }),
    });
    try {
      await kit.logins.try(account, url.host, () => this.bind(connection, `login at ${url.host}`, attempt));
      await options.check?.(this.serverOn(connection, url, attempt));
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  private async bind(connection: LdapConnection, what: string, attempt: number): Promise<void> {
    const { name, password } = this.options;
    const { redact } = this.kit;
    const isSent = connection.usable;
    const { result } = await connection
      .exchange(what, 'bind', (messageId) => new BindRequest({ messageId, dn: name, password }))
      .catch((error: unknown) => {
        throw isSent ? unanswered(error) : error;
      });
    if (result.code === 49) throw bindRefusal(result.text, { what, name, redact });
    if (result.code !== 0) throw judged(failureOfResult(result, { what, redact }), this.kit, attempt);
  }

  private serverOn(connection: LdapConnection, url: URL, attempt: number): BoundServer {
    const { kit, binary, options } = this;
    const { urls, urlField } = options;
    return new BoundServer(connection, { url, kit, binary, urlField, firstUrl: urls[0] ?? url }, attempt);
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
}

/** What is to be thrown for a login that was sent, and of which nobody knows how it ended. */
function unanswered(error: unknown): unknown {
  const isOutcome = !(error instanceof Failure) || error.code === 'cancelled';
  return isOutcome ? error : new UnansweredLogin(error.code, error.message, { cause: error });
}
