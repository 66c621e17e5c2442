// SPDX-License-Identifier: Apache-2.0
import type { Filter } from 'ldapts';

/** What a connector needs to say of a directory; addresses, limits, trust and time limits are the kit's. */
export interface LdapOptions {
  /**
   * `ldaps://host:port` or `ldap://host:port`, tried in this order, and only where a connection does not come about: a refusal of the
   * credentials is final at once. Once bound, the client keeps to its server, since places to go on from mean nothing on another one.
   */
  readonly urls: readonly URL[];
  /** TLS on `ldap://` by StartTLS, before anything else is sent; says nothing of `ldaps://`. */
  readonly startTls: boolean;
  /** DN, `user@domain` or `DOMAIN\user`. */
  readonly name: string;
  /** Never empty: a directory takes a name without a password for a guest, and says success. */
  readonly password: string;
  /** Attributes whose values are bytes, in any spelling. */
  readonly binaryAttributes: readonly string[];
  /** Field of the spec that holds the URLs, for messages: `spec.connector.activeDirectory.urls`. */
  readonly urlField: string;
  /**
   * Looks at the server behind each connection, the first one included: after the login, and before anything else is asked over it. Behind one name stands
   * now this server and now that one. Throws a Failure that refuses it; `unavailable` where the next connection may lead to the right one.
   */
  readonly check?: (server: LdapServer) => Promise<void>;
}

/** What may be asked while a server is looked at: over one connection, nothing tried again. */
export type LdapServer = Pick<LdapClient, 'url' | 'root' | 'one'>;

/** Controls beside paging. One that the server does not offer is refused before the search. */
export type LdapControl = 'showDeleted' | 'showRecycled' | 'domainScope' | 'extendedDn';

export interface LdapSearch {
  /** What is read, for messages: `users below OU=People,DC=corp,DC=example,DC=test`. */
  readonly subject: string;
  /** DN, also `<GUID=…>` or `<WKGUID=…,DC=…>` (do not page below the latter: ask for its DN first). Empty: the rootDSE. */
  readonly base: string;
  readonly scope: 'base' | 'one' | 'sub';
  /** As text (RFC 4515) or built, see filter.ts. In text, escape what is not yours with `escapeValue`; bytes take a built filter. */
  readonly filter: string | Filter;
  /** Only these come back; constructed and ranged ones (`member;range=0-*`) must be named. */
  readonly attributes: readonly string[];
  /** Entries per page, 500 when not given. A server may give fewer. */
  readonly pageSize?: number | undefined;
  readonly controls?: readonly LdapControl[];
}

/** Names of attributes are taken in any spelling. Nothing given and nothing there look the same: no values. */
export interface LdapEntry {
  readonly dn: string;
  /** Names of the attributes that came, lower case, without the options range and binary; another (`;lang-de`) belongs to the name. */
  readonly names: readonly string[];
  /**
   * Bytes for the binary attributes, else text; a value that is no UTF-8 comes as its bytes, so that a row schema that wants text sets
   * the row aside.
   */
  values(name: string): readonly (string | Buffer)[];
  /** The first of `values`: for rows. */
  first(name: string): string | Buffer | undefined;
  /** The first value as text. Throws a Failure (contract) when it is none: for what the run cannot do without. */
  text(name: string): string | undefined;
  /** The first value as bytes, whatever the attribute. */
  bytes(name: string): Buffer | undefined;
  /**
   * The part of the values that the server gave because they were too many (`member;range=0-1499`): `high` is undefined when these are
   * the last. Undefined when it gave them whole. `values` does not hold them; see rangedValues in range.ts.
   */
  range(name: string): LdapRange | undefined;
}

export interface LdapRange {
  readonly low: number;
  readonly high: number | undefined;
  readonly values: readonly (string | Buffer)[];
}

export interface LdapPage {
  /**
   * First page of a search; true once more when it had to be begun anew (connection or place lost): its entries come again from the
   * first, and who counts begins anew.
   */
  readonly start: boolean;
  /** May be empty on any page: only the end of `pages` is the end. */
  readonly entries: readonly LdapEntry[];
  /** URLs of other servers that hold a part of the tree: never followed. */
  readonly references: readonly string[];
}

/** What a server says of itself; what it does not say is undefined or empty. */
export interface RootDse {
  readonly defaultNamingContext: string | undefined;
  readonly configurationNamingContext: string | undefined;
  readonly namingContexts: readonly string[];
  readonly dnsHostName: string | undefined;
  readonly serverName: string | undefined;
  /** DN of its NTDS Settings, which hold its invocationId. */
  readonly dsServiceName: string | undefined;
  readonly highestCommittedUsn: bigint | undefined;
  readonly supportedControls: ReadonlySet<string>;
  readonly supportedCapabilities: ReadonlySet<string>;
  readonly synchronized: boolean | undefined;
  readonly currentTime: Date | undefined;
  /** For what is not named above. Only the attributes of `rootAttributes` were asked for. */
  readonly entry: LdapEntry;
}

/**
 * A bound connection to one server. Every method throws a Failure. Lost connections are made and bound anew; each request counts against
 * the account's budget. One paged search at a time: a directory keeps few places per connection. LDAP has no field for a correlation
 * id, so directories' logs are joined with a run by account and time.
 */
export interface LdapClient {
  /** The server in use. */
  readonly url: URL;
  /** Asked anew at each call. */
  root(): Promise<RootDse>;
  /**
   * Every entry of a search, page by page, to the verified end: it ends by the server's empty cookie only, else it throws. No limit of
   * size or time is asked for; one that the server sets fails the search.
   */
  pages(search: LdapSearch): AsyncGenerator<LdapPage, void, void>;
  /** One object, by base scope; undefined when there is none (or none that the account may see). Not paged. */
  one(search: Omit<LdapSearch, 'scope' | 'pageSize'>): Promise<LdapEntry | undefined>;
  close(): Promise<void>;
}
