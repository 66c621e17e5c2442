// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import type { LdapClient, RootDse } from '../../src/connector/ldap/client.ts';
import { guidOf } from './guid.ts';
import type { Cursor } from './wire.ts';

/** Microsoft's sign of a directory of its kind in `supportedCapabilities`. */
const activeDirectory = '1.2.840.113556.1.4.800';

/** A domain controller, and where it stands in its own count of changes. */
export interface Position {
  readonly dc: string;
  readonly invocationId: string;
  readonly usn: bigint;
  readonly at: Date;
}

/** Asked before the first search: what changes from then on has a higher number and comes in the next reading. Throws a Failure. */
export async function readPosition(client: LdapClient, root: RootDse): Promise<Position> {
  const { url } = client;
  const { highestCommittedUsn: usn, currentTime: at, dsServiceName } = root;
  if (usn === undefined || at === undefined || dsServiceName === undefined)
    throw new Failure(
      'contract',
      `${url.host}: the rootDSE lacks highestCommittedUSN, currentTime or dsServiceName, so changes cannot be told from what was read; is this a domain controller?`,
    );
  return { dc: dcName(root, url), invocationId: await readInvocationId(client, dsServiceName), usn, at };
}

function dcName(root: RootDse, url: URL): string {
  return (root.dnsHostName ?? url.hostname).toLowerCase();
}

async function readInvocationId(client: LdapClient, dsServiceName: string): Promise<string> {
  const settings = await client.one({
    subject: `the settings of domain controller ${dsServiceName}`,
    base: dsServiceName,
    filter: '(objectClass=*)',
    attributes: ['invocationId'],
  });
  const bytes = settings?.bytes('invocationId');
  const id = bytes === undefined ? undefined : guidOf(bytes);
  if (id === undefined)
    throw new Failure(
      'permission',
      `${dsServiceName}: invocationId is not readable, so nobody can tell whether the controller was rebuilt; give the account read access to it, as Authenticated Users have by default`,
    );
  return id;
}

/** Throws a Failure when the server is none that this connector can read. */
export function checkServer(root: RootDse, url: URL): void {
  if (url.port === '3268' || url.port === '3269')
    throw new Failure(
      'configuration',
      `spec.connector.activeDirectory.urls: ${url.host} is a Global Catalog, which holds a part of the attributes and of the members only; use port 636`,
    );
  if (!root.supportedCapabilities.has(activeDirectory))
    throw new Failure(
      'configuration',
      `spec.connector.activeDirectory.urls: ${url.host} does not say that it is an Active Directory; correct the address`,
    );
  if (root.synchronized === false)
    throw new Failure(
      'unavailable',
      `${url.host}: the domain controller has not synchronised yet after its start`,
    );
}

/** Whether the count of changes goes on from there; else in words why everything is read. Pure. */
export function whyNotFrom(cursor: Cursor, position: Position, tombstoneDays: number): string | undefined {
  if (cursor.dc !== position.dc) return `${position.dc} answers, ${cursor.dc} was read before`;
  if (cursor.invocationId !== position.invocationId) return `${position.dc} was rebuilt or restored`;
  if (BigInt(cursor.usn) > position.usn)
    return `${position.dc} counts ${position.usn} changes, ${cursor.usn} were read before`;
  const ageMs = position.at.getTime() - Date.parse(cursor.at);
  if (ageMs >= tombstoneDays * 86_400_000)
    return `the last reading is older than the ${tombstoneDays} days for which deletions are kept`;
  return undefined;
}

export function cursorOf({ dc, invocationId, usn, at }: Position): Cursor {
  return { dc, invocationId, usn: String(usn), at: at.toISOString() };
}

/** After the last page: a name with several controllers behind it may have led elsewhere when the connection was made anew. */
export async function checkSameController(client: LdapClient, position: Position): Promise<void> {
  const root = await client.root();
  const dc = dcName(root, client.url);
  if (dc === position.dc && (root.highestCommittedUsn ?? 0n) >= position.usn) return;
  throw new Failure(
    'unavailable',
    `${client.url.host}: domain controller ${position.dc} was read first and ${dc} last, each with its own count of changes; name one controller in spec.connector.activeDirectory.urls`,
  );
}
