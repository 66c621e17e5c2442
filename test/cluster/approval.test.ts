// SPDX-License-Identifier: Apache-2.0
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { annotations } from '../../src/api/group.ts';
import { approveCommand } from '../../src/cli/approve.ts';
import { call } from '../cli/cli-bench.ts';
import { sharedCluster } from '../kit/control-plane/shared.ts';
import { OperatorBench, password } from '../kit/operator-bench.ts';
import { waitFor } from '../kit/wait.ts';
import { ServiceNow, startServiceNow } from '../simulators/servicenow/index.ts';

let bench: OperatorBench;
let upstream: Awaited<ReturnType<typeof startServiceNow>>;

beforeEach(async () => {
  bench = await OperatorBench.create();
  upstream = await startServiceNow({
    seed: 1,
    counts: { servers: 30 },
    basic: { username: 'reader', password },
  });
});

afterEach(async () => {
  await bench.close();
  await upstream.stop();
});

const approve = (...flags: string[]) =>
  call(approveCommand, [
    ...['cmdb', '-n', bench.namespace, '--kubeconfig', sharedCluster().kubeconfigPath],
    ...flags,
  ]);
/** What a person types when asked. */
const atTerminal = (answer: string) =>
  approveCommand(['cmdb', '-n', bench.namespace, '--kubeconfig', sharedCluster().kubeconfigPath], {
    stdin: Object.assign(Readable.from(answer === '' ? [] : [answer]), { isTTY: true }),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
  });
const waitForCondition = (fits: (status: string, reason: string) => boolean) =>
  waitFor('AwaitingApproval', async () => {
    const system = await bench.system();
    const found = system.status?.conditions?.find(({ type }) => type === 'AwaitingApproval');
    if (found === undefined || !fits(found.status, found.reason))
      throw new Error(`AwaitingApproval is ${JSON.stringify(found)}`);
    return { system, message: found.message };
  });
const full = (name: string) =>
  bench.apply({
    apiVersion: 'integrations.buildworks.ai/v1alpha1',
    kind: 'SyncRun',
    metadata: { name },
    spec: { systemRef: { name: 'cmdb' }, mode: 'Full' },
  });
const remove = (from: number, to: number) => {
  for (let index = from; index < to; index += 1)
    upstream.removeUnaudited('cmdb_ci_linux_server', ServiceNow.id('0c', index));
};
const live = () => bench.rows('SELECT count(*) AS n FROM current_assets')[0]?.['n'];

test('a passed budget waits in the condition, extsys approve lets it go, and the annotation left in place does nothing more', async () => {
  await bench.start();
  await bench.applySystem(upstream.url);
  await bench.waitForRun(({ spec }) => spec.trigger === 'Schedule');
  await expect(approve('--yes')).rejects.toThrow('no deletions wait for approval');

  remove(0, 20);
  await full('after-the-loss');
  const held = await bench.waitForRun(({ metadata }) => metadata.name === 'after-the-loss');
  expect(held.status).toMatchObject({ totals: { deleted: 0 }, deletionProposal: { records: 20 } });
  const { system, message } = await waitForCondition((status) => status === 'True');
  expect(message).toContain('20 records look gone');
  expect(message).toContain(`extsys approve cmdb -n ${bench.namespace} --run after-the-loss`);
  expect(system.status?.deletionProposal).toMatchObject({ run: 'after-the-loss', records: 20 });
  await waitFor('the gauge', async () => {
    const { text } = await bench.get('/metrics');
    return text.includes(
      `extsys_records_awaiting_approval{namespace="${bench.namespace}",system="cmdb",connector="serviceNowCmdb"} 20`,
    );
  });
  await waitFor('the Event', async () =>
    (await bench.kubectl('get', 'events', '--field-selector', 'reason=AwaitingApproval')).includes(
      '20 records',
    ),
  );

  await expect(approve()).rejects.toThrow('standard input is no terminal; give --yes');
  await expect(approve('--yes', '--run', 'another')).rejects.toThrow(
    'the one that waits is of after-the-loss',
  );
  expect((await bench.system()).metadata.annotations?.[annotations.approveDeletions]).toBeUndefined();
  for (const answer of ['n\n', '']) await expect(atTerminal(answer)).rejects.toThrow('nothing was done');
  expect((await bench.system()).metadata.annotations?.[annotations.approveDeletions]).toBeUndefined();
  const approved = await approve('--yes', '--run', 'after-the-loss');
  expect(approved.code).toBe(0);
  expect(approved.err).toContain('to delete 20 records, for example');
  const token = `after-the-loss@${held.status?.deletionProposal?.digest}`;
  const run = await bench.waitForRun(({ metadata }) => metadata.name.startsWith('cmdb-d-'));
  expect(run.status).toMatchObject({
    phase: 'Succeeded',
    totals: { deleted: 20 },
    deletionApproval: { token, deleted: 20 },
  });
  expect(live()).toBe(10);
  const after = await waitForCondition((status, reason) => status === 'False' && reason === 'ApprovalUsed');
  expect(after.system.status?.deletionProposal).toBeUndefined();

  remove(20, 29);
  await full('after-more-loss');
  await bench.waitForRun(({ metadata }) => metadata.name === 'after-more-loss');
  await waitForCondition((status) => status === 'True');
  expect(live()).toBe(10);
  expect((await bench.runs()).filter(({ metadata }) => metadata.name.startsWith('cmdb-d-'))).toHaveLength(1);

  await bench.kubectl('patch', 'externalsystem', 'cmdb', '--type=merge', '-p', '{"spec":{"suspend":true}}');
  // The operator writes the status at the same time, and an approval over what was not shown is refused.
  const { out } = await waitFor('the approval', () => approve('--yes'));
  expect(out).toContain('a full run starts once it goes on (spec.suspend)');
  const waits = await waitForCondition((_, reason) => reason === 'Approved');
  expect(waits.message).toContain('a full run begins once the system goes on (spec.suspend)');
});
