// SPDX-License-Identifier: Apache-2.0
import type { MappableRow, MappedPath } from '../../src/connector/mapping.ts';
import { propertyOf, type Raw } from './raw-row.ts';
import { timeOf } from './values.ts';

const propertyPath = /^[A-Za-z][A-Za-z0-9_]*(?:\.(?:[A-Za-z][A-Za-z0-9_]*|[0-9]{1,3}))*$/u;

/** Properties that hold secrets, or lead to where one is. */
const secrets: ReadonlySet<string> = new Set([
  ...['passwordCredentials', 'keyCredentials', 'passwordProfile', 'secretText', 'key', 'hint'],
  ...['activationLockBypassCode', 'remoteAssistanceSessionUrl'],
]);

/** Kept outside the directory: they come with one object only, and a listing with them is refused (product documentation). */
const singleOnly: ReadonlySet<string> = new Set([
  ...['aboutMe', 'birthday', 'hireDate', 'interests', 'mySite', 'pastProjects', 'preferredName'],
  ...['responsibilities', 'schools', 'skills', 'mailboxSettings'],
]);

/** Read in ways of their own, into fields of ours. */
const taken: Readonly<Record<string, string>> = {
  manager: 'manager',
  signInActivity: 'lastLoginAt',
  registeredOwners: 'userId',
  members: 'the stream memberships',
};

/** Whether the value of a property is a secret, by its name at any depth. */
export function isSecretName(name: string): boolean {
  return secrets.has(name) || /(?:password|secret)$/iu.test(name);
}

/** The properties that a mapping asks for, each once: of a path its first part is asked for. */
export function mappedProperties(paths: readonly MappedPath[]): readonly string[] {
  return [...new Set(paths.map(({ path }) => path.split('.')[0] ?? ''))].toSorted();
}

/** A path leads through objects by their names and through lists by numbers: `employeeOrgData.division`, `otherMails.0`. */
export const mappableRow: MappableRow<Raw> = {
  valueAt(row, path) {
    let value: unknown = row;
    for (const part of path.split('.')) {
      value = Array.isArray(value) ? (value as readonly unknown[])[Number(part)] : propertyOf(value, part);
    }
    if (typeof value === 'string') return value === '' ? undefined : value;
    return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
  },
  pathProblem(path) {
    if (!propertyPath.test(path))
      return 'is no property of Graph; use a name such as employeeType, employeeOrgData.division or otherMails.0';
    const [head = ''] = path.split('.');
    if (path.split('.').some(isSecretName)) return 'may hold a secret; secrets are not read';
    if (singleOnly.has(head))
      return 'lives outside the directory and cannot be listed; Graph gives it for one user at a time';
    const where = Object.hasOwn(taken, head) ? taken[head] : undefined;
    return where === undefined ? undefined : `is read already, into ${where}`;
  },
  toTime: timeOf,
};
