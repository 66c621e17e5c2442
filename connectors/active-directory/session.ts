// SPDX-License-Identifier: Apache-2.0
import type { PlacedRoleMapping } from '../../src/api/role-mappings.ts';
import type { ConnectContext } from '../../src/connector/contract.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { LdapClient, LdapOptions, RootDse } from '../../src/connector/ldap/client.ts';
import { basesOf, type Bases } from './bases.ts';
import type { Config } from './config.ts';
import { Controller, urlField, type Position } from './controller.ts';
import { DeletedObjects } from './deleted-objects.ts';
import { isOfDomain, parseDn } from './distinguished-name.ts';
import { binaryAttributes } from './entry-row.ts';
import { Lookups } from './lookups.ts';
import { MemberKinds } from './member-kinds.ts';
import { sidOf } from './sid.ts';

/** What a controller gives at most, unless its policy was changed (MaxPageSize). */
const largestPage = 1000;
const defaultPageSize = 500;

export interface Domain {
  /** Its own DN. */
  readonly dn: string;
  /** corp.example.com */
  readonly dnsName: string;
  readonly sid: string;
}

export interface Session {
  /** For walks, one at a time, and for single objects. */
  readonly client: LdapClient;
  /** For what is looked up while a walk is under way. */
  readonly lookups: Pick<LdapClient, 'pages'>;
  readonly domain: Domain;
  /** Where the controller stood before anything was read: all that a run reads goes on from there. */
  readonly position: Position;
  readonly bases: Bases;
  /** Where the attributes of the forest are described; undefined when the server does not say. */
  readonly schemaDn: string | undefined;
  readonly pageSize: number;
  readonly deleted: DeletedObjects;
  readonly memberKinds: MemberKinds;
  readonly roleMappings: readonly PlacedRoleMapping[];
  /** DNs of bases that were found to be there. */
  readonly foundBases: Set<string>;
  /** Attributes that the mapping of a stream asks for, in lower case. */
  mappedAttributes(stream: string): ReadonlySet<string>;
  now(): Date;
}

/** Proves address, credentials and that the domain is there. Throws a Failure. */
export async function openSession(context: ConnectContext<Config>) {
  const { config, credentials } = context;
  const bases = basesOf(config);
  const name = credentials.value('username');
  if (!/[=@\\]/u.test(name))
    throw new Failure(
      'credentials',
      `${credentials.source}: key username has no domain, and would count as a wrong password; use name@domain, DOMAIN\\name, or a DN`,
    );
  const controller = new Controller();
  const options: LdapOptions = {
    urls: config.urls.map((url) => new URL(url)),
    startTls: config.startTls === true,
    name,
    password: credentials.value('password'),
    binaryAttributes,
    urlField,
    check: (server) => controller.check(server),
  };
  const client = await context.ldap(options);
  const lookups = new Lookups(() => context.ldap(options));
  const { root, position } = controller.first;
  const domain = await readDomain(client, root, config.baseDN);
  const session: Session = {
    client,
    lookups,
    domain,
    position,
    bases,
    schemaDn:
      root.configurationNamingContext === undefined
        ? undefined
        : `CN=Schema,${root.configurationNamingContext}`,
    pageSize: Math.min(context.pageSize ?? defaultPageSize, largestPage),
    deleted: new DeletedObjects(client, domain.dn, root.configurationNamingContext, root.supportedControls),
    memberKinds: new MemberKinds(lookups, domain.dn),
    roleMappings: context.roleMappings,
    foundBases: new Set(),
    mappedAttributes: (stream) => new Set(context.mappedPaths(stream).map(({ path }) => path.toLowerCase())),
    now: () => context.now(),
  };
  return {
    session,
    // Of the domain alone: objects keep their ids wherever they stand in it.
    source: domain.sid,
    account: name.toLowerCase(),
    login: `${client.url.host} (${root.dnsHostName ?? 'without a name'}) takes the credentials; domain ${domain.dnsName}`,
    close: async () => {
      await Promise.all([client.close(), lookups.close()]);
    },
  };
}

async function readDomain(client: LdapClient, root: RootDse, baseDN: string): Promise<Domain> {
  const dn = root.defaultNamingContext;
  if (dn === undefined)
    throw new Failure('contract', `${client.url.host}: the rootDSE has no defaultNamingContext`);
  if (!isOfDomain(baseDN, dn))
    throw new Failure(
      'configuration',
      `spec.connector.activeDirectory.baseDN: ${baseDN} is no part of ${dn}, the domain of ${client.url.host}; correct it, or name a controller of its domain in urls`,
    );
  const entry = await client.one({
    subject: `the domain ${dn}`,
    base: dn,
    filter: '(objectClass=*)',
    attributes: ['objectSid'],
  });
  const sid = sidOf(entry?.bytes('objectSid') ?? Buffer.alloc(0));
  if (sid === undefined)
    throw new Failure(
      'permission',
      `${dn}: the account may not read the objectSid of the domain, by which it is known; give it read access, as Authenticated Users have by default`,
    );
  return { dn, dnsName: dnsNameOf(dn), sid };
}

/** corp.example.com of DC=corp,DC=example,DC=com. */
function dnsNameOf(dn: string): string {
  return (parseDn(dn) ?? []).map(({ value }) => value.toLowerCase()).join('.');
}
