// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { dump } from 'js-yaml';
import { connectors } from '../../connectors/index.ts';
import { connectorFacts, type ConnectorFacts } from '../connector/facts.ts';
import type { Streams } from './command.ts';
import { InputError } from './manifests.ts';
import { outputFormOf, outputOption, renderList, renderTable } from './output.ts';

export const connectorsUsage = `extsys connectors [ID] [-o FORM]

What each connector of this program reads, which rights that needs in the vendor's words, and what it can do; with ID one of them in full:
its logins with the keys of their Secret, its configuration, and where its runbook is.

  -o, --output FORM               table, json or yaml (default table)

INCREMENTAL: what has not changed is not read again. MAPPED: spec.mapping may name the stream. PROBED: records are looked up by id before
they are taken for gone.

Exit status: 0 printed, 2 there is no such connector.
`;

/** `extsys connectors`. Answers the exit status. */
export async function connectorsCommand(args: readonly string[], streams: Streams): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { output: outputOption },
    allowPositionals: true,
  });
  const form = outputFormOf(values.output);
  const [id, ...more] = positionals;
  if (more.length > 0) throw new InputError(`${more.join(' ')}: give one ID`);
  const all = connectors.map(connectorFacts);
  if (id === undefined) {
    streams.stdout.write(form === 'table' ? streamTable(all) : renderList(all, form, {}));
    return 0;
  }
  const found = all.find((facts) => facts.id === id);
  if (found === undefined) {
    const known = all.map((facts) => facts.id).join(', ');
    throw new InputError(`${id}: there is no such connector; use one of ${known}`);
  }
  if (form === 'json') streams.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`);
  else streams.stdout.write(form === 'yaml' ? dump(found, { lineWidth: 120, noRefs: true }) : inFull(found));
  return 0;
}

const yesNo = (value: boolean) => (value ? 'yes' : 'no');

/** A line for each stream of each connector. */
function streamTable(all: readonly ConnectorFacts[]): string {
  const rows = all.flatMap(({ id, streams }) => streams.map((stream) => ({ id, ...stream })));
  return renderList(rows, 'table', {
    CONNECTOR: ({ id }) => id,
    STREAM: ({ name }) => name,
    RECORD: ({ record }) => record,
    INCREMENTAL: ({ incremental }) => yesNo(incremental),
    MAPPED: ({ mapped }) => yesNo(mapped),
    PROBED: ({ probed }) => yesNo(probed),
    NEEDS: ({ needs }) => needs.join(', '),
  });
}

function inFull(facts: ConnectorFacts): string {
  const { id, title, category, version, runbook, sample, auth, config } = facts;
  const head = renderTable([
    ['ID', id],
    ['TITLE', title],
    ['CATEGORY', category],
    ['VERSION', String(version)],
    ['RUNBOOK', runbook],
    ['SAMPLE', sample],
  ]);
  const keys = auth.flatMap(({ type, keys: ofType }) =>
    ofType.length === 0
      ? [[type, '-', '-', 'no Secret']]
      : ofType.map(({ key, required, description = '' }) => [type, key, yesNo(required), description]),
  );
  const fields = config.map(({ path, type, required, description }) => [
    ...[`spec.connector.${id}.${path}`, type, yesNo(required), description],
  ]);
  return [
    head,
    streamTable([facts]),
    renderTable([['LOGIN', 'KEY OF THE SECRET', 'REQUIRED', 'MEANING'], ...keys]),
    renderTable([['FIELD', 'TYPE', 'REQUIRED', 'MEANING'], ...fields]),
  ].join('\n');
}
