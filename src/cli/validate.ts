// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { problemsOf } from './known.ts';
import type { Streams } from './command.ts';
import { describeProblem, loginProblems } from './local-system.ts';
import { fileOption, InputError, readManifests } from './manifests.ts';

export const validateUsage = `extsys validate -f FILE [-f FILE …]

Checks manifests offline with the schema of the CRDs: ExternalSystem, SyncRun and Secret. Of a Secret that stands in the same file as its
system also that it has the keys of auth.type, and that its certificate has not expired.

  -f, --file FILE   multi-document YAML; - reads standard input

Exit status: 0 all valid, 2 not.
`;

/** `extsys validate`: a line for each object, and one for each problem. */
export async function validateCommand(args: readonly string[], streams: Streams): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { file: fileOption } });
  if (values.file === undefined) throw new InputError('-f FILE is missing');
  let bad = false;
  for (const file of values.file) {
    const manifests = await readManifests(file, streams.stdin);
    for (const manifest of manifests) {
      const form = problemsOf(manifest);
      const problems =
        manifest.kind === 'Secret' && form.length === 0
          ? loginProblems(manifests, manifest, new Date())
          : form;
      if (problems.length === 0) streams.stdout.write(`${manifest.kind} ${manifest.metadata.name}: valid\n`);
      for (const problem of problems) streams.stderr.write(`${describeProblem(manifest, problem)}\n`);
      bad ||= problems.length > 0;
    }
  }
  return bad ? 2 : 0;
}
