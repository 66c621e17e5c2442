// SPDX-License-Identifier: Apache-2.0
import type { DirectoryEntry } from './directory.ts';

const accountTypes = { user: '805306368', computer: '805306369' } as const;

/** With the kind of account, which a domain controller works out itself. */
export function withAccountType({ dn, attributes }: DirectoryEntry): DirectoryEntry {
  const type = dn.startsWith('CN=User') ? 'user' : dn.startsWith('CN=PC') ? 'computer' : undefined;
  return type === undefined
    ? { dn, attributes }
    : { dn, attributes: { ...attributes, sAMAccountType: accountTypes[type] } };
}
