// SPDX-License-Identifier: Apache-2.0
import type { Asked } from '../faults.ts';
import type { DirectoryType } from './directory.ts';
import type { PageTokens } from './page-tokens.ts';
import { refuse } from './reply.ts';
import type { Tenant } from './tenant/tenant.ts';

export interface GraphAsked extends Asked {
  /** Without a slash at its end. Links that are given begin with it. */
  readonly origin: string;
  /** The path behind `/v1.0`; empty for the token endpoint. */
  readonly resource: string;
  readonly inBatch: boolean;
  /** What was posted. */
  readonly body?: string;
}

/** What a tenant has paid for. */
export interface Licences {
  /** Entra ID P1 or P2: `signInActivity`. */
  premium: boolean;
  /** Entra ID P2: eligible and scheduled roles. */
  pim: boolean;
  intune: boolean;
}

export const licenceNames = ['premium', 'pim', 'intune'] as const satisfies readonly (keyof Licences)[];

/** What the vendor does now and then, or what its documents leave open. */
export interface Quirks {
  /** Every so many-th page of a listing is empty and leads on; 0 for none. */
  emptyPageEvery: number;
  /** A listing of these ends with an empty page. */
  emptyLastPage: ReadonlySet<string>;
  /** What becomes of a `$top` above the maximum. */
  topAbove: 'refused' | 'cut';
  /** Most users in a page with `signInActivity`. */
  signInPage: number;
  /** Members of a group with hidden membership, without the permission for them. */
  hiddenMembers: 'empty' | 'refused';
  /** How PIM is refused without a licence; the documents leave it open. */
  pimRefusal: 400 | 403;
  /** Rows carry all that is known, secrets included, whatever was asked for. */
  ignoresSelect: boolean;
  /** Pages are no larger than this, whatever was asked for. */
  pageSize: number;
  /** Entries in a page of a round of changes. */
  deltaPage: number;
  /** Members in one entry of a first round; the others come in further entries of the same id. */
  deltaMembers: number;
  /** So many changes of the round before come again. */
  deltaReplay: number;
  /** The last entry of a page stands in the next one too. */
  deltaRepeats: boolean;
  /** Entries carry what changed, also when nobody asked for that. */
  deltaSparse: boolean;
  /** Rounds name service principals as members, which listings do not. */
  deltaServicePrincipals: boolean;
  /** How a delta token that is too old is refused. */
  deltaExpiry: 'gone' | 'syncStateNotFound' | 'resyncRequired';
}

export const plainQuirks: Quirks = {
  emptyPageEvery: 0,
  emptyLastPage: new Set(['/servicePrincipals']),
  topAbove: 'refused',
  signInPage: 500,
  hiddenMembers: 'empty',
  pimRefusal: 403,
  ignoresSelect: false,
  pageSize: Infinity,
  deltaPage: 200,
  deltaMembers: 200,
  deltaReplay: 0,
  deltaRepeats: false,
  deltaSparse: false,
  deltaServicePrincipals: true,
  deltaExpiry: 'gone',
};

/** What answers are made of. */
export interface World {
  readonly tenant: Tenant;
  /** Application permissions with consent. */
  readonly roles: ReadonlySet<string>;
  readonly licences: Readonly<Licences>;
  readonly quirks: Readonly<Quirks>;
  /** Tokens of nextLinks, also within rounds of changes. */
  readonly pages: PageTokens;
  /** Tokens of deltaLinks. */
  readonly deltaTokens: PageTokens;
  /** Number of the last change that rounds of changes show. */
  visibleChanges(): number;
}

const directory = 'Directory.Read.All';
/** Which permissions let an app read objects of a type; any of them. */
export const readers: Readonly<Record<DirectoryType, readonly string[]>> = {
  user: ['User.Read.All', directory],
  group: ['GroupMember.Read.All', 'Group.Read.All', directory],
  device: ['Device.Read.All', directory],
  servicePrincipal: ['Application.Read.All', directory],
  orgContact: ['OrgContact.Read.All', directory],
};

export const everyRole: readonly string[] = [
  'AuditLog.Read.All',
  'Application.Read.All',
  'Device.Read.All',
  'DeviceManagementManagedDevices.Read.All',
  'GroupMember.Read.All',
  'Member.Read.Hidden',
  'Organization.Read.All',
  'OrgContact.Read.All',
  'RoleManagement.Read.Directory',
  'User.Read.All',
];

export function may(world: World, any: readonly string[]): boolean {
  return any.some((role) => world.roles.has(role));
}

export function demand(world: World, any: readonly string[]): void {
  if (may(world, any)) return;
  refuse(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.');
}
