// SPDX-License-Identifier: Apache-2.0
import { CommandError } from '../control.ts';
import { directoryTypes, type DirectoryType, type Entity } from './directory.ts';
import { defaultAccess, rolesOf } from './tenant/app-roles.ts';
import type { Tenant } from './tenant/tenant.ts';

/** Something of a tenant by which a person calls it. */
export interface Named {
  readonly type: DirectoryType | 'managedDevice' | 'directoryRole';
  readonly id: string;
  /** The one that is shown, then others that it is found by. */
  readonly names: readonly string[];
}

const nameProperties = {
  user: ['userPrincipalName', 'displayName', 'mail'],
  group: ['displayName', 'mail'],
  device: ['displayName', 'deviceId'],
  servicePrincipal: ['displayName', 'appId'],
  orgContact: ['displayName', 'mail'],
  managedDevice: ['deviceName', 'serialNumber'],
  directoryRole: ['displayName'],
} as const satisfies Record<Named['type'], readonly string[]>;

function named(type: Named['type'], entities: Iterable<Entity>): Named[] {
  return [...entities].map((entity) => {
    const names = nameProperties[type].map((name) => entity[name]);
    return { type, id: entity.id, names: names.filter((name) => typeof name === 'string') };
  });
}

export function objectsOf({ directory }: Tenant, types: readonly DirectoryType[] = directoryTypes): Named[] {
  return types.flatMap((type) => named(type, directory.objects[type]));
}

export function deletedOf({ directory }: Tenant): Named[] {
  return directoryTypes.flatMap((type) => named(type, directory.deletedOf(type)));
}

export function managedDevicesOf({ managedDevices }: Tenant): Named[] {
  return named('managedDevice', managedDevices);
}

export function directoryRolesOf({ roleDefinitions }: Tenant): Named[] {
  return named('directoryRole', roleDefinitions);
}

/** The one that has this id or name, in any case of letters. Throws for none and for several. */
export function called(what: string, text: string, among: readonly Named[]): Named {
  const wanted = text.toLowerCase();
  const byId = among.find(({ id }) => id === wanted);
  if (byId !== undefined) return byId;
  const [found, ...others] = among.filter(({ names }) => names.some((name) => name.toLowerCase() === wanted));
  if (found === undefined)
    throw new CommandError(`${what} "${text}": nothing is called that; look with: find TEXT`);
  if (others.length > 0) {
    const all = [found, ...others].map(shown).join(', ');
    throw new CommandError(`${what} "${text}": ${others.length + 1} are called that, give an id: ${all}`);
  }
  return found;
}

/** What has a text in one of its names. */
export function like(text: string, among: readonly Named[]): Named[] {
  const wanted = text.toLowerCase();
  return among.filter(({ names }) => names.some((name) => name.toLowerCase().includes(wanted)));
}

export function shown({ type, id, names }: Named): string {
  return `${type} ${names[0] ?? ''} (${id})`;
}

/** A role of an application, by its value; `default` is the access without a role. */
export function appRoleCalled(tenant: Tenant, application: string, text: string): string {
  if (text.toLowerCase() === 'default') return defaultAccess;
  const roles = rolesOf(tenant.directory.find(application)?.entity);
  const found = roles.find(({ id, value }) => [id, value.toLowerCase()].includes(text.toLowerCase()));
  if (found === undefined) {
    const known = [...roles.map(({ value }) => value), 'default'].join(', ');
    throw new CommandError(`APP_ROLE "${text}": the application has no such role; use one of ${known}`);
  }
  return found.id;
}
