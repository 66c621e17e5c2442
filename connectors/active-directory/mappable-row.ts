// SPDX-License-Identifier: Apache-2.0
import type { MappableRow } from '../../src/connector/mapping.ts';
import { parseExtendedDn } from './distinguished-name.ts';
import { valueOf } from './fields.ts';
import { isSecretAttribute } from './secret-attributes.ts';
import { fileTime, generalizedTime } from './times.ts';
import type { ObjectRow } from './wire.ts';

/** A path is the name of an attribute, in any spelling; of several values the first counts. */
export const mappableRow: MappableRow<ObjectRow> = {
  valueAt(row, path) {
    const value = valueOf(row, path);
    // Names of other objects come with their ids before them.
    return value === undefined ? undefined : parseExtendedDn(value).dn;
  },
  pathProblem(path) {
    if (!/^[A-Za-z][A-Za-z0-9-]{0,127}$/u.test(path))
      return 'is no attribute of a directory; use a name such as extensionAttribute1';
    if (isSecretAttribute(path))
      return 'is named like a secret; secrets are not read, take it out of the mapping';
    return undefined;
  },
  toTime: (text) => generalizedTime(text) ?? fileTime(text),
};
