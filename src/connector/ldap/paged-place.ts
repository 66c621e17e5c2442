// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { Failure } from '../failure.ts';
import { OutOfTries } from '../retry.ts';
import type { Answer, LdapConnection } from './connection.ts';
import { pagedOid } from './controls.ts';
import { pagedCookie } from './message.ts';

/** Times a search is begun anew after its place was lost: its pages are read again each time. */
const maxRestarts = 3;
/** A filter that matches little in a large directory gives empty pages, but not so many in a row. */
const maxEmptyPages = 1_000;
/** With pages of 500, 50 million entries. */
const maxPages = 100_000;

const none = Buffer.alloc(0);

/**
 * Where a paged search stands. Its end is an empty cookie and nothing else: a page may be empty amid a search, and a short one proves
 * nothing. A cookie belongs to its connection; it may stay the same from page to page (Samba), so loops are found by what pages hold.
 */
export class PagedPlace {
  ended = false;
  private readonly what: string;
  private cookie: Buffer = none;
  private connection: LdapConnection | undefined;
  private restarts = 0;
  private pages = 0;
  private emptyInRow = 0;
  /** Brent's: one earlier page is remembered, a later one each time the distance has doubled, so that a circle of any length is found. */
  private remembered: string | undefined;
  private distance = 0;
  private reach = 1;

  constructor(what: string) {
    this.what = what;
  }

  /** What the server keeps of a search that did not come to its end: the connection that holds the place, and its cookie. */
  get held(): { readonly connection: LdapConnection; readonly cookie: Buffer } | undefined {
    const { ended, connection, cookie } = this;
    return ended || connection?.usable !== true ? undefined : { connection, cookie };
  }

  /** The cookie to send on this connection: that of another one means nothing, so the search begins anew. */
  cookieOn(connection: LdapConnection): Buffer {
    if (this.cookie.length > 0 && this.connection !== connection) this.restart('the connection was lost');
    return this.cookie;
  }

  /** The server no longer knows the cookie. Answers the failure with which the next try begins anew. */
  lost(why: string): Failure {
    this.restart(why);
    return new Failure('unavailable', `${why}; the search begins anew`);
  }

  /** Takes the answer to the cookie that was sent. Throws a Failure for one that does not lead to an end. */
  advance(connection: LdapConnection, { controls, entries }: Answer): void {
    const value = controls.get(pagedOid);
    if (value === undefined) {
      const message = `${this.what}: the answer does not tell whether more follows (no paged results control), so the list may be cut`;
      throw new Failure('contract', message);
    }
    this.pages += 1;
    this.emptyInRow = entries.length === 0 ? this.emptyInRow + 1 : 0;
    this.cookie = pagedCookie(value);
    this.connection = connection;
    this.ended = this.cookie.length === 0;
    if (this.ended) return;
    if (this.emptyInRow >= maxEmptyPages) throw this.endless(`${maxEmptyPages} empty pages in a row`);
    if (this.pages >= maxPages) throw this.endless(`${maxPages} pages and no end`);
    if (entries.length > 0) this.remember(hash('sha256', entries.map(({ dn }) => dn).join('\0')));
  }

  private remember(page: string): void {
    if (page === this.remembered) throw this.endless('a page that came before');
    this.distance += 1;
    if (this.distance < this.reach) return;
    this.remembered = page;
    this.reach *= 2;
    this.distance = 0;
  }

  private endless(found: string): Failure {
    return new Failure('contract', `${this.what}: the directory does not come to an end: ${found}`);
  }

  private restart(why: string): void {
    this.restarts += 1;
    if (this.restarts > maxRestarts) {
      const message = `${this.what}: the place in the list was lost ${this.restarts} times (${why}); the list is not complete`;
      throw new OutOfTries('unavailable', message);
    }
    this.cookie = none;
    this.connection = undefined;
    this.pages = 0;
    this.emptyInRow = 0;
    this.remembered = undefined;
    this.distance = 0;
    this.reach = 1;
  }
}
