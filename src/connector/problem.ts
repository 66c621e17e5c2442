// SPDX-License-Identifier: Apache-2.0
interface SchemaError {
  readonly instancePath: string;
  readonly message: string;
}

/** The first schema error as a reason and a path (JSON pointer); values are left out, they may be secret. */
export function firstProblem(
  errors: readonly SchemaError[],
  subject: string,
): { readonly reason: string; readonly path: string } {
  const first = errors[0];
  if (first === undefined) return { reason: `${subject} does not fit its schema`, path: '' };
  return {
    reason: `${subject}${first.instancePath} ${first.message}`,
    path: first.instancePath,
  };
}
