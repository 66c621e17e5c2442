// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import type { Streams } from './command.ts';
import { fileOption, oneFile } from './manifests.ts';
import { outputFormOf, outputOption } from './output.ts';
import { runFromFile } from './sync.ts';

export const testUsage = `extsys test -f FILE [--output json|yaml|table]

Checks the connection, the clock and what else the connector knows to look at, and, stream by stream, whether the account may
read what the stream needs. Prints a line for each: ok, warning or failed. Reads no records and writes none.

  -f, --file FILE                 ExternalSystem and Secret; - reads standard input
  -o, --output FORM               table (default), json or yaml
  -q, --quiet                     only the outcome, not what each stream says
      --allow-insecure-upstreams  also send credentials over plain http: or ldap: to other hosts than this one

Exit status: 0 everything can be read, warnings or not, 1 something is missing, 2 unusable input.
`;

/** `extsys test`: a run of mode Test into a database in memory. */
export async function testCommand(args: readonly string[], streams: Streams): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      file: fileOption,
      output: outputOption,
      'allow-insecure-upstreams': { type: 'boolean', default: false },
      quiet: { type: 'boolean', short: 'q', default: false },
    },
  });
  const form = outputFormOf(values.output);
  return runFromFile({
    file: oneFile(values.file),
    store: { store: 'sqlite::memory:' },
    mode: 'Test',
    form,
    allowHttp: values['allow-insecure-upstreams'],
    quiet: values.quiet,
    streams,
  });
}
