// SPDX-License-Identifier: Apache-2.0
import { FilterParser, SearchRequest, type Control, type Filter } from 'ldapts';
import { Failure } from '../failure.ts';
import { originOf } from '../origin.ts';
import { backoffMs } from '../retry.ts';
import { vendorWords, type Redact } from '../vendor-words.ts';
import type { LdapEntry, LdapPage, LdapSearch, LdapServer, RootDse } from './client.ts';
import type { Answer, LdapConnection } from './connection.ts';
import { pagedControl, requestControl } from './controls.ts';
import { entryOf } from './entry.ts';
import type { PagedPlace } from './paged-place.ts';
import { failureOfResult, saysUnbound } from './result.ts';
import { rootAttributes, rootDseOf } from './root-dse.ts';
import type { LdapKit } from './kit.ts';

const defaultPageSize = 500;
/** A directory that is busy is asked again after 5 s, then 10 s, … for all of the account. */
const firstPauseMs = 5_000;
const longestPauseMs = 300_000;

/** A search with its filter read: what cannot be read fails before anything is sent. */
export type ParsedSearch = Omit<LdapSearch, 'filter'> & { readonly filter: Filter };

/** What one attempt asks of a server over one connection that is bound. Every method throws a Failure, and tries nothing again. */
export class BoundServer implements LdapServer {
  readonly url: URL;
  readonly connection: LdapConnection;
  private readonly kit: LdapKit;
  private readonly binary: ReadonlySet<string>;
  private readonly known: { readonly firstUrl: URL; readonly urlField: string };
  private readonly attempt: number;

  constructor(
    connection: LdapConnection,
    given: {
      readonly url: URL;
      readonly kit: LdapKit;
      readonly binary: ReadonlySet<string>;
      /** Servers of one list stand for one another, and are known by the first. */
      readonly firstUrl: URL;
      readonly urlField: string;
    },
    attempt: number,
  ) {
    this.connection = connection;
    this.url = given.url;
    this.kit = given.kit;
    this.binary = given.binary;
    this.known = given;
    this.attempt = attempt;
  }

  async root(): Promise<RootDse> {
    const { kit, known } = this;
    const subject = 'rootDSE';
    const filter = parsedFilter('(objectClass=*)', subject);
    const search = { subject, base: '', scope: 'base', filter, attributes: rootAttributes } as const;
    const sentAt = kit.now();
    const { entries } = await this.searched(search, []);
    const receivedAt = kit.now();
    const [entry] = entries;
    if (entry === undefined) {
      const message = `${this.described(subject)}: the server shows none; check ${known.urlField}`;
      throw new Failure('contract', message);
    }
    const root = rootDseOf(entryOf(entry, this.binary));
    if (root.currentTime !== undefined)
      kit.onClock(originOf(known.firstUrl), { date: root.currentTime, sentAt, receivedAt });
    return root;
  }

  async one(search: Omit<LdapSearch, 'scope' | 'pageSize'>): Promise<LdapEntry | undefined> {
    const filter = parsedFilter(search.filter, search.subject);
    const controls = (search.controls ?? []).map(requestControl);
    const { result, entries } = await this.searched(
      { ...search, filter, scope: 'base' },
      controls,
      (code) => code === 32,
    );
    if (result.code === 32) return undefined;
    if (entries.length > 1) {
      const message = `${this.described(search.subject)}: ${entries.length} entries came for one DN`;
      throw new Failure('contract', message);
    }
    const [entry] = entries;
    return entry === undefined ? undefined : entryOf(entry, this.binary);
  }

  /** The next page of a search, after which `place` has moved on. */
  async page(search: ParsedSearch, place: PagedPlace): Promise<LdapPage> {
    const { connection } = this;
    const cookie = place.cookieOn(connection);
    const paged = pagedControl(search.pageSize ?? defaultPageSize, cookie);
    const controls = [...(search.controls ?? []).map(requestControl), paged];
    const lost = (code: number) => cookie.length > 0 && (code === 12 || code === 53);
    const answer = await this.searched(search, controls, lost);
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

  /** Tells the server that a search is not gone on with (RFC 2696: page size 0 with the cookie). Answers whether it understood. */
  async giveUp(search: ParsedSearch, cookie: Buffer): Promise<boolean> {
    const controls = [...(search.controls ?? []).map(requestControl), pagedControl(0, cookie)];
    const { result, entries } = await this.searched(search, controls, () => true);
    return result.code === 0 && entries.length === 0;
  }

  /** One search request; a result that is neither success nor `accepted` is thrown as what it means. */
  private async searched(
    search: ParsedSearch,
    controls: Control[],
    accepted: (code: number) => boolean = () => false,
  ): Promise<Answer> {
    const { connection, kit, attempt } = this;
    const { base: baseDN, scope, filter } = search;
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
    throw judged(failureOfResult(result, this.reading(search)), kit, attempt);
  }

  private described(subject: string): string {
    return `${subject} (at ${this.url.host})`;
  }

  private reading(search: ParsedSearch): { what: string; base: string; redact: Redact } {
    return { what: this.described(search.subject), base: search.base, redact: this.kit.redact };
  }
}

/** A busy directory is left alone by all of the account, from before its place on the budget is free again. */
export function judged(failure: Failure, { budget, random }: LdapKit, attempt: number): Failure {
  if (failure.code === 'throttled') {
    const ownMs = backoffMs(attempt, random);
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** (attempt - 1));
    budget.pause(Math.max(ownMs, pauseMs));
  }
  return failure;
}

/** A text escapes single bytes beyond ASCII as if they were characters, and would match nothing. */
export function parsedFilter(filter: string | Filter, subject: string): Filter {
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
