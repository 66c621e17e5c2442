// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { readClusterEvidence } from '../operator/cluster-evidence.ts';
import { audit, type AuditReport } from '../sync/audit.ts';
import { clusterOptions, clusterUsage, withCluster } from './cluster.ts';
import type { Streams } from './command.ts';
import { headWord, keptHeads } from './kept-heads.ts';
import { InputError } from './manifests.ts';
import { outputFormOf, outputOption, renderTable } from './output.ts';
import { storeOptions, storeUsage, withReader } from './store-url.ts';
import { subcommands } from './subcommands.ts';

export const auditUsage = `extsys audit verify [--store URL] [--cluster] [--system NS/NAME …] [--head HEAD …] [--heads FILE …] [-o table|json]

Verifies that nobody altered, removed, reordered or inserted a run in the archive, or an action that a run names, and with
--cluster that the SyncRuns in the cluster are those of the archive. Reads alone: a role that may only SELECT will do, and so will a
file without any right to write that extsys backup made. A file that an operator has is in WAL mode: readers write beside it.

${storeUsage}
      --system NS/NAME            only this system; may be given again
      --head NS/NAME=SEQUENCE@DIGEST
                                  a head that was kept; may be given again
      --heads FILE                a file of such lines; may be given again
      --cluster                   compare with the cluster of the kubeconfig (so do the flags that name one)
${clusterUsage}
  -A, --all-namespaces            SyncRuns of all namespaces (the default without -n)
  -o, --output FORM               table or json (default table)

A chain that was sealed again as a whole, head and all, shows only against a head that was kept elsewhere.

Exit status: 0 sound, 1 not sound, 2 unusable input.
`;

export const auditEntry = subcommands('audit', { verify: { run: verifyCommand, usage: auditUsage } });

/** `extsys audit verify`. Answers the exit status. */
async function verifyCommand(args: readonly string[], streams: Streams): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...storeOptions,
      ...clusterOptions,
      system: { type: 'string', multiple: true },
      head: { type: 'string', multiple: true },
      heads: { type: 'string', multiple: true },
      cluster: { type: 'boolean' },
      'all-namespaces': { type: 'boolean', short: 'A' },
      output: outputOption,
    },
  });
  const form = outputFormOf(values.output);
  if (form === 'yaml') throw new InputError('--output yaml: use table or json');
  if (values['all-namespaces'] === true && values.namespace !== undefined)
    throw new InputError('--all-namespaces and --namespace ask for two things; keep one');
  const kept = keptHeads(values.head ?? [], values.heads ?? []);
  const only = filterOf(values.system, values.namespace);
  return withReader(values, streams, async (archive) => {
    const asked = [values.cluster, values.kubeconfig, values.context, values['all-namespaces']];
    const report = asked.some((flag) => flag !== undefined)
      ? await withCluster(values, async ({ client }) =>
          audit(archive, { only, kept, cluster: await readClusterEvidence(client, values.namespace) }),
        )
      : await audit(archive, { only, kept, cluster: undefined });
    const missing = values.system?.find((name) => !report.systems.some(({ system }) => system === name));
    const noTable = !report.findings.some(({ kind }) => kind === 'table');
    if (missing !== undefined && noTable)
      throw new InputError(`--system ${missing}: the archive has no such system`);
    streams.stdout.write(form === 'json' ? asJson(report) : asText(report));
    return report.findingsTotal === 0 ? 0 : 1;
  });
}

function filterOf(systems: readonly string[] | undefined, namespace: string | undefined) {
  const bad = systems?.find((name) => !/^[^/]+\/[^/]+$/u.test(name));
  if (bad !== undefined) throw new InputError(`--system ${bad}: write NAMESPACE/NAME`);
  if (systems === undefined && namespace === undefined) return undefined;
  return (system: string) =>
    (systems?.includes(system) ?? true) && (namespace === undefined || system.startsWith(`${namespace}/`));
}

function asJson(report: AuditReport): string {
  const heads = report.systems.flatMap(({ system, head }) =>
    head === undefined ? [] : [headWord(system, head)],
  );
  const { systems, findings, findingsTotal, notes } = report;
  const answer = { sound: findingsTotal === 0, findingsTotal, findings, notes, systems, heads };
  return `${JSON.stringify(answer, undefined, 2)}\n`;
}

function asText({ systems, findings, findingsTotal, notes }: AuditReport): string {
  const runs = systems.reduce((sum, system) => sum + system.runs, 0);
  const lines = findings.map(({ system, kind, sequence, runName, runUid, message }) => [
    kind,
    system === '' ? '-' : system,
    String(sequence ?? '-'),
    runName ?? '-',
    runUid ?? '-',
    message,
  ]);
  const table =
    lines.length === 0
      ? ''
      : `${renderTable([['FINDING', 'SYSTEM', 'SEQUENCE', 'RUN', 'UID', 'WHAT DIFFERS'], ...lines])}\n`;
  const cut = findingsTotal > findings.length ? `… and ${findingsTotal - findings.length} more\n\n` : '';
  const told = notes.map(({ system, message }) => `note: ${system}: ${message}\n`).join('');
  const verdict =
    findingsTotal === 0
      ? 'sound'
      : `NOT SOUND, ${findingsTotal} ${findingsTotal === 1 ? 'finding' : 'findings'}`;
  const heads = systems.flatMap(({ system, head }) =>
    head === undefined ? [] : [`${headWord(system, head)}\n`],
  );
  const advice =
    findingsTotal === 0
      ? '# Heads. A chain sealed again as a whole shows only against these: keep them where the\n' +
        '# administrator of the database cannot write, and give them to --heads.\n'
      : '# Heads of an archive that is NOT SOUND: do not keep them. Those that you kept before go on counting.\n';
  return `${table}${cut}${told}${runs} runs of ${systems.length} systems: ${verdict}\n\n${advice}${heads.join('')}`;
}
