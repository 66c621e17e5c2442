// SPDX-License-Identifier: Apache-2.0

/**
 * The permissions that were granted to the application, as its token says. For diagnostics only: by contract a token is opaque to
 * clients. Undefined when it cannot be read.
 */
export function rolesOf(authorization: string): ReadonlySet<string> | undefined {
  const [, payload] = authorization.replace(/^Bearer /u, '').split('.');
  if (payload === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    if (typeof claims !== 'object' || claims === null || !('roles' in claims)) return undefined;
    const { roles } = claims;
    return Array.isArray(roles) ? new Set(roles.filter((role) => typeof role === 'string')) : undefined;
  } catch {
    // Opaque, as it may be.
    return undefined;
  }
}

/** Which permissions take in another. */
const directoryWide: ReadonlySet<string> = new Set([
  'User.Read.All',
  'Group.Read.All',
  'GroupMember.Read.All',
  'Device.Read.All',
  'Application.Read.All',
  'Organization.Read.All',
  'RoleManagement.Read.Directory',
]);

/** Whether a permission is granted, by itself or by one that takes it in. */
export function isGranted(roles: ReadonlySet<string>, permission: string): boolean {
  if (roles.has(permission) || roles.has(permission.replace('.Read.', '.ReadWrite.'))) return true;
  if (
    permission === 'GroupMember.Read.All' &&
    (roles.has('Group.Read.All') || roles.has('Group.ReadWrite.All'))
  )
    return true;
  return (
    directoryWide.has(permission) && (roles.has('Directory.Read.All') || roles.has('Directory.ReadWrite.All'))
  );
}
