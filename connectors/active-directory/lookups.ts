// SPDX-License-Identifier: Apache-2.0
import type { LdapClient, LdapPage, LdapSearch } from '../../src/connector/ldap/client.ts';

/**
 * Searches beside a walk whose page is still open, over a connection of their own: a directory keeps the places of few searches for each connection, and
 * forgets the oldest (Samba: after ten), which would be the walk's. Opened when it is first needed; the same check as of the first one keeps
 * it at the same controller.
 */
export class Lookups implements Pick<LdapClient, 'pages'> {
  private readonly connect: () => Promise<LdapClient>;
  private client: Promise<LdapClient> | undefined;

  constructor(connect: () => Promise<LdapClient>) {
    this.connect = connect;
  }

  /** See LdapClient. */
  async *pages(search: LdapSearch): AsyncGenerator<LdapPage, void, void> {
    yield* (await this.opened()).pages(search);
  }

  async close(): Promise<void> {
    // One that did not come about has failed its search already.
    await (await this.client?.catch(() => undefined))?.close();
  }

  private opened(): Promise<LdapClient> {
    if (this.client !== undefined) return this.client;
    const client = this.connect();
    this.client = client;
    // The next search may try again.
    client.catch(() => (this.client = undefined));
    return client;
  }
}
