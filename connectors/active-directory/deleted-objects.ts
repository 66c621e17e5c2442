// SPDX-License-Identifier: Apache-2.0
import type { LdapClient, LdapControl } from '../../src/connector/ldap/client.ts';
import { anyOf, allOf, equals } from '../../src/connector/ldap/filter.ts';
import { guidBytes, guidOf } from './guid.ts';
import { sidBytes, sidOf } from './sid.ts';

/** Of the container of deleted objects, whatever its name is in the language of the domain ([MS-ADTS] 6.1.1.4). */
const containerId = '18E2EA80684F11D2B9AA00C04F79F805';
const showRecycledOid = '1.2.840.113556.1.4.2064';
/** Where the attribute is not set ([MS-ADTS] 6.1.1.2.4.1.1). */
const oldTombstoneDays = 60;

/** Of deleted objects their class stays, and not their category. */
export type DeletedClass = 'user' | 'group' | 'computer' | 'member';
const classFilters: Readonly<Record<DeletedClass, string>> = {
  user: '(&(objectClass=user)(!(objectClass=computer)))',
  group: '(objectClass=group)',
  computer: '(objectClass=computer)',
  // Whatever may belong to a group: users, computers and contacts are persons by class.
  member: '(|(objectClass=person)(objectClass=group))',
};

const foreignClass = '(objectClass=foreignSecurityPrincipal)';

/** What the directory itself states as deleted, for accounts that may read it; others see nothing, without an error. */
export class DeletedObjects {
  private readonly client: LdapClient;
  private readonly domain: string;
  private readonly configuration: string | undefined;
  private readonly control: LdapControl;
  private container: Promise<string | undefined> | undefined;
  private days: Promise<number> | undefined;

  constructor(
    client: LdapClient,
    domain: string,
    configuration: string | undefined,
    supportedControls: ReadonlySet<string>,
  ) {
    this.client = client;
    this.domain = domain;
    this.configuration = configuration;
    // With the recycle bin, an object is hidden from the older control once it is recycled.
    this.control = supportedControls.has(showRecycledOid) ? 'showRecycled' : 'showDeleted';
  }

  /** Whether deletions can be seen. Asked of the directory once. */
  async visible(): Promise<boolean> {
    return (await this.found()) !== undefined;
  }

  /**
   * Ids of objects of a class that were deleted after a change, page by page: as records have them, so that a placeholder of an account of another domain
   * is told by its SID. None when they cannot be seen.
   */
  async *since(usn: bigint, of: DeletedClass): AsyncGenerator<readonly string[], void, void> {
    const container = await this.found();
    if (container === undefined) return;
    const search = {
      subject: `deleted objects below ${container}`,
      base: container,
      scope: 'sub',
      controls: [this.control],
    } as const;
    const changed = `(isDeleted=TRUE)(uSNChanged>=${usn + 1n})`;
    const filter = `(&${changed}${classFilters[of]})`;
    for await (const page of this.client.pages({ ...search, filter, attributes: ['objectGUID'] }))
      yield idsOf(page.entries);
    if (of !== 'member') return;
    const foreign = { filter: `(&${changed}${foreignClass})`, attributes: ['objectSid'], pageSize: 100 };
    for await (const page of this.client.pages({ ...search, ...foreign })) {
      const sids = sidsOf(page.entries);
      const again = new Set(await this.foreignAmong(sids));
      yield sids.filter((sid) => !again.has(sid));
    }
  }

  /** Those of the SIDs that have a placeholder: it is made anew when such an account becomes a member again. */
  private async foreignAmong(sids: readonly string[]): Promise<readonly string[]> {
    const bytes = sids.map(sidBytes).filter((one) => one !== undefined);
    if (bytes.length === 0) return [];
    const search = {
      subject: `placeholders of accounts of other domains, in ${this.domain}`,
      base: this.domain,
      scope: 'sub',
      filter: allOf(
        equals('objectClass', 'foreignSecurityPrincipal'),
        anyOf(...bytes.map((one) => equals('objectSid', one))),
      ),
      attributes: ['objectSid'],
      controls: ['domainScope'],
    } as const;
    const found: string[] = [];
    for await (const { entries } of this.client.pages(search)) found.push(...sidsOf(entries));
    return found;
  }

  /** Those of the ids that the directory states as deleted. */
  async among(ids: readonly string[]): Promise<readonly string[]> {
    const container = await this.found();
    const bytes = ids.map(guidBytes).filter((one) => one !== undefined);
    if (container === undefined || bytes.length === 0) return [];
    const filter = allOf(
      equals('isDeleted', 'TRUE'),
      anyOf(...bytes.map((one) => equals('objectGUID', one))),
    );
    const found: string[] = [];
    const search = {
      subject: `deleted objects below ${container}, by id`,
      base: container,
      scope: 'sub',
      filter,
      attributes: ['objectGUID'],
      controls: [this.control],
    } as const;
    for await (const page of this.client.pages(search)) {
      if (page.start) found.length = 0;
      found.push(...idsOf(page.entries));
    }
    return found;
  }

  /** For how many days deletions can be seen. */
  tombstoneDays(): Promise<number> {
    return (this.days ??= this.readDays());
  }

  private found(): Promise<string | undefined> {
    return (this.container ??= this.findContainer());
  }

  /** Its DN: paging below a well-known id fails on older controllers (Microsoft, KB 977180). */
  private async findContainer(): Promise<string | undefined> {
    const entry = await this.client.one({
      subject: `the container of deleted objects of ${this.domain}`,
      base: `<WKGUID=${containerId},${this.domain}>`,
      filter: '(objectClass=*)',
      attributes: ['distinguishedName', 'isDeleted'],
      controls: ['showDeleted'],
    });
    // Some servers show the container, which counts as deleted itself, to those who may not read what is in it.
    return entry?.text('isDeleted') === 'TRUE' ? entry.dn : undefined;
  }

  private async readDays(): Promise<number> {
    if (this.configuration === undefined) return oldTombstoneDays;
    const base = `CN=Directory Service,CN=Windows NT,CN=Services,${this.configuration}`;
    const entry = await this.client.one({
      subject: `tombstoneLifetime of ${base}`,
      base,
      filter: '(objectClass=*)',
      attributes: ['tombstoneLifetime'],
    });
    const days = Number(entry?.text('tombstoneLifetime') ?? oldTombstoneDays);
    return Number.isInteger(days) && days > 0 ? days : oldTombstoneDays;
  }
}

function idsOf(entries: readonly { bytes(name: string): Buffer | undefined }[]): readonly string[] {
  return entries
    .map((entry) => guidOf(entry.bytes('objectGUID') ?? Buffer.alloc(0)))
    .filter((id) => id !== undefined);
}

function sidsOf(entries: readonly { bytes(name: string): Buffer | undefined }[]): readonly string[] {
  return entries
    .map((entry) => sidOf(entry.bytes('objectSid') ?? Buffer.alloc(0)))
    .filter((sid) => sid !== undefined);
}
