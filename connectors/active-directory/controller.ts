// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import type { LdapServer, RootDse } from '../../src/connector/ldap/client.ts';
import { guidOf } from './guid.ts';
import type { Cursor } from './wire.ts';

/** Field of the spec that names the controllers. */
export const urlField = 'spec.connector.activeDirectory.urls';

/** Microsoft's sign of a directory of its kind in `supportedCapabilities`. */
const activeDirectory = '1.2.840.113556.1.4.800';

/** A domain controller, and where it stands in its own count of changes. */
export interface Position {
  readonly dc: string;
  readonly invocationId: string;
  readonly usn: bigint;
  readonly at: Date;
}

/**
 * The one controller that a run reads. Each connection is looked at before anything is read over it: after a lost one another controller may answer behind
 * the same address, or the same one with a database that was restored. What it gives has its own count of changes, and may lag behind.
 */
export class Controller {
  private known:
    { readonly root: RootDse; readonly settings: string; readonly position: Position } | undefined;

  /** Where it stood before anything was read, and what it says of itself. */
  get first(): { readonly root: RootDse; readonly position: Position } {
    if (this.known === undefined) throw new Failure('internal', 'a controller that was not asked yet');
    return this.known;
  }

  /** Throws a Failure when the server is none that can be read, or not the one that was read before. */
  async check(server: LdapServer): Promise<void> {
    const { url } = server;
    const root = await server.root();
    checkServer(root, url);
    const { settings, position } = await standing(server, root);
    this.known ??= { root, settings, position };
    const before = this.known.position;
    const why =
      this.known.settings.toLowerCase() === settings.toLowerCase()
        ? whyRestored(before, position)
        : `domain controller ${before.dc} was read first and ${position.dc} answers now, each with its own count of changes; name one controller in ${urlField}`;
    if (why === undefined) return;
    throw new Failure(
      'unavailable',
      `${url.host}: ${why}. Nothing is read of it, and nothing is taken as deleted`,
    );
  }
}

function whyRestored(before: Position, { dc, invocationId, usn }: Position): string | undefined {
  if (before.invocationId !== invocationId)
    return `${dc} was rebuilt or restored while it was read (another invocationId)`;
  if (usn < before.usn)
    return `${dc} was restored while it was read (it counts ${usn} changes, and counted ${before.usn} before)`;
  return undefined;
}

async function standing(
  server: LdapServer,
  root: RootDse,
): Promise<{ readonly settings: string; readonly position: Position }> {
  const { url } = server;
  const { highestCommittedUsn: usn, currentTime: at, dsServiceName: settings } = root;
  if (usn === undefined || at === undefined || settings === undefined)
    throw new Failure(
      'contract',
      `${url.host}: the rootDSE lacks highestCommittedUSN, currentTime or dsServiceName, so changes cannot be told from what was read; is this a domain controller?`,
    );
  const invocationId = await readInvocationId(server, settings);
  return { settings, position: { dc: dcName(root, url), invocationId, usn, at } };
}

function dcName(root: RootDse, url: URL): string {
  return (root.dnsHostName ?? url.hostname).toLowerCase();
}

async function readInvocationId(server: LdapServer, dsServiceName: string): Promise<string> {
  const settings = await server.one({
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
function checkServer(root: RootDse, url: URL): void {
  if (url.port === '3268' || url.port === '3269')
    throw new Failure(
      'configuration',
      `${urlField}: ${url.host} is a Global Catalog, which holds a part of the attributes and of the members only; use port 636`,
    );
  if (!root.supportedCapabilities.has(activeDirectory))
    throw new Failure(
      'configuration',
      `${urlField}: ${url.host} does not say that it is an Active Directory; correct the address`,
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
