// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { annotations } from '../api/group.ts';
import type { ExternalSystem } from '../api/resource.ts';
import { isNotFound } from '../operator/api-error.ts';
import { externalSystems } from '../operator/kube-cluster.ts';
import { approvalToken } from '../sync/approval.ts';
import type { StoredReads } from '../store/port/reader.ts';
import { clusterOptions, clusterUsage, withCluster, type Cluster } from './cluster.ts';
import { CommandFailed, type Streams } from './command.ts';
import { confirm, yesOption, yesUsage } from './confirm.ts';
import { InputError } from './manifests.ts';
import { defaultStoreUrl, storeUsage, withReader, type StoreFlags } from './store-url.ts';

export const approveUsage = `extsys approve SYSTEM [-n NAMESPACE] [--run RUN] [--yes]
extsys approve SYSTEM [-n NAMESPACE] --list [--run RUN] [--store URL]

Shows the deletions that passed the budget and wait for a person, asks, and approves them by the annotation
${annotations.approveDeletions} on the ExternalSystem. The next full pass that is verified deletes those of
the list that it too finds gone. Needs get and patch on externalsystems, and no access to the database.

${clusterUsage}
      --run RUN                   approve only what this SyncRun proposed
${yesUsage}
      --list                      print every record of the list from the database, a JSON object per line, and change
                                  nothing (without -n: of namespace default)
${storeUsage}

Exit status: 0 approved or listed, 1 nothing waits or the cluster refused, 2 unusable input.
`;

/** So many records are in memory at a time. */
const pageSize = 1_000;

/** `extsys approve`. Answers the exit status. */
export async function approveCommand(args: readonly string[], streams: Streams): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...clusterOptions,
      run: { type: 'string' },
      yes: yesOption,
      list: { type: 'boolean', default: false },
      store: { type: 'string', multiple: true },
      'store-password-file': { type: 'string' },
    },
  });
  const [name, ...more] = positionals;
  if (name === undefined) throw new InputError('SYSTEM is missing: the name of the ExternalSystem');
  if (more.length > 0) throw new InputError(`one SYSTEM at a time; leave out ${more.join(', ')}`);
  const { store, run } = values;
  if (values.list) {
    const key = `${values.namespace ?? 'default'}/${name}`;
    return list({ ...values, store: store ?? defaultStoreUrl }, { key, run }, streams);
  }
  if (store !== undefined)
    throw new InputError('--store goes with --list; approving needs the cluster alone');
  return withCluster(values, (cluster) => approve(cluster, { name, run, yes: values.yes }, streams));
}

interface Wanted {
  readonly name: string;
  readonly run: string | undefined;
  readonly yes: boolean;
}

async function approve(cluster: Cluster, { name, run, yes }: Wanted, streams: Streams): Promise<number> {
  const { client, namespace } = cluster;
  const at = { resource: externalSystems, namespace, name } as const;
  const system = await client.send<ExternalSystem>({ ...at, verb: 'get' }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
    throw new CommandFailed(`there is no ExternalSystem ${namespace}/${name}; see -n`);
  });
  const proposal = proposalOf(system, run);
  const token = approvalToken({ runName: proposal.run, digest: proposal.digest });
  if (system.metadata.annotations?.[annotations.approveDeletions] === token) {
    streams.stdout.write(
      `${namespace}/${name}: the deletion of ${proposal.records} records is approved already\n`,
    );
    return 0;
  }
  streams.stderr.write(
    `${namespace}/${name}: SyncRun ${proposal.run} proposed at ${proposal.proposedTime} to delete ${proposal.records} records, for example\n` +
      proposal.sample.map((record) => `  ${record}\n`).join('') +
      `The next verified full pass deletes those of them that it too finds gone. Expires ${proposal.expiryTime}.\n`,
  );
  await confirm(streams, `Approve the deletion of ${proposal.records} records?`, yes);
  const { uid, resourceVersion } = system.metadata;
  // With the version that was shown: a proposal that changed meanwhile is looked at again.
  await client.send({
    ...at,
    verb: 'patch',
    body: { metadata: { uid, resourceVersion, annotations: { [annotations.approveDeletions]: token } } },
  });
  const start =
    system.spec.suspend === true
      ? 'the system is suspended, so a full run starts once it goes on (spec.suspend)'
      : 'a full run starts now';
  streams.stdout.write(
    `${namespace}/${name}: approved the deletion of ${proposal.records} records (${annotations.approveDeletions}: ${token}); ${start}\n`,
  );
  return 0;
}

function proposalOf(
  { metadata, status }: ExternalSystem,
  run: string | undefined,
): NonNullable<NonNullable<ExternalSystem['status']>['deletionProposal']> {
  const proposal = status?.deletionProposal;
  const system = `${metadata.namespace}/${metadata.name}`;
  if (proposal === undefined) throw new CommandFailed(`${system}: no deletions wait for approval`);
  if (run !== undefined && run !== proposal.run) {
    throw new CommandFailed(
      `${system}: SyncRun ${run} has no proposal that waits; the one that waits is of ${proposal.run} (${proposal.records} records)`,
    );
  }
  return proposal;
}

async function list(
  flags: StoreFlags,
  { key, run }: { readonly key: string; readonly run: string | undefined },
  streams: Streams,
): Promise<number> {
  return withReader(flags, streams, async (reader) => {
    const runName = run ?? (await reader.openProposal(key))?.runName;
    if (runName === undefined)
      throw new CommandFailed(`${key}: no deletions wait for approval; see -n and --run`);
    await listRecords(reader, key, runName, streams);
    return 0;
  });
}

async function listRecords(
  store: StoredReads,
  key: string,
  runName: string,
  { stdout }: Streams,
): Promise<void> {
  const proposal = await store.proposalOfRun(key, runName);
  if (proposal === undefined) throw new CommandFailed(`${key}: SyncRun ${runName} proposed no deletions`);
  if (proposal.state === 'superseded' || proposal.state === 'settled')
    throw new CommandFailed(`${key}: the list of SyncRun ${runName} is ${proposal.state} and no longer kept`);
  let after: { readonly stream: string; readonly externalId: string } | undefined;
  for (;;) {
    const records = await store.proposedRecords(key, runName, after, pageSize);
    for (const record of records) stdout.write(`${JSON.stringify(record)}\n`);
    after = records.at(-1);
    if (after === undefined) return;
  }
}
