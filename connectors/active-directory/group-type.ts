// SPDX-License-Identifier: Apache-2.0

const scopes = [
  [0x1, 'built-in local'],
  [0x2, 'global'],
  [0x4, 'domain local'],
  [0x8, 'universal'],
  [0x10, 'application basic'],
  [0x20, 'application query'],
] as const;
const security = 0x8000_0000;

export function isSecurityGroup(groupType: number): boolean {
  return (groupType & security) !== 0;
}

/** `groupType`, a signed 32-bit number ([MS-ADTS] 2.2.12), in words such as "global security"; undefined when it names no scope. */
export function groupTypeWords(groupType: number): string | undefined {
  // A built-in group is domain local too; the word that says more stands first.
  const scope = scopes.find(([bit]) => (groupType & bit) !== 0)?.[1];
  if (scope === undefined) return undefined;
  return `${scope} ${isSecurityGroup(groupType) ? 'security' : 'distribution'}`;
}
