// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { annotations } from '../../src/api/group.ts';
import { startOperatorProcess } from '../demo/operator-process.ts';
import { resolveControlPlane } from '../kit/control-plane/resolve.ts';
import { applyCrdsTo } from '../kit/control-plane/shared.ts';
import { startControlPlane } from '../kit/control-plane/start.ts';
import { waitFor } from '../kit/wait.ts';

const runs = 5;
const namespace = 'inventory';

/** Writes of the operator to a real API server for each run that an annotation asks for; Leases and Events apart. */
export async function apiWritesPerRun(
  manifests: string,
  folder: string,
  say: (line: string) => void,
): Promise<{ readonly runs: number; readonly writesPerRun: number }> {
  const binaries = await resolveControlPlane({ progress: say, allowBuild: true });
  await using cluster = await startControlPlane(binaries);
  await applyCrdsTo(cluster);
  await cluster.kubectl(['create', 'namespace', namespace]);
  let url = '';
  const ended: string[] = [];
  const operator = startOperatorProcess(
    [
      ...['--kubeconfig', cluster.kubeconfigPath, '--store', `sqlite:${join(folder, 'writes.db')}`],
      ...['--listen', '127.0.0.1:0', '--allow-insecure-upstreams'],
    ],
    join(folder, 'operator.log'),
    (line) => {
      if (line.msg === 'listening' && typeof line['url'] === 'string')
        ({ url } = line as unknown as { url: string });
      if (line.msg === 'run ended') ended.push(String(line['phase']));
    },
  );
  const runEnded = (count: number) => waitFor(`run ${count} to end`, () => ended.length >= count);
  const settled = async () => {
    const writes = await waitFor('the metrics page', () => writesOf(url));
    await waitFor('the status of the last run', async () => {
      const phase = await cluster.kubectl([
        'get',
        'xsys/bench',
        '-n',
        namespace,
        '-o',
        'jsonpath={.status.chainHead.sequence}',
      ]);
      return phase === String(ended.length);
    });
    return Math.max(writes, await writesOf(url));
  };
  try {
    await cluster.kubectl(['apply', '-f', '-'], { input: manifests });
    await runEnded(1);
    const before = await settled();
    for (let count = 1; count <= runs; count += 1) {
      const token = `${annotations.runRequested}=bench-${count}`;
      await cluster.kubectl(['annotate', 'xsys/bench', '-n', namespace, '--overwrite', token]);
      await runEnded(count + 1);
      await settled();
    }
    const bad = ended.find((phase) => phase !== 'Succeeded');
    if (bad !== undefined) throw new Error(`a run ended as ${bad}; see ${join(folder, 'operator.log')}`);
    return { runs, writesPerRun: ((await settled()) - before) / runs };
  } finally {
    await operator.stop();
  }
}

async function writesOf(url: string): Promise<number> {
  const page = await (await fetch(`${url}/metrics`)).text();
  let writes = 0;
  for (const [, labels = '', value] of page.matchAll(/^extsys_kube_requests_total\{(.*)\} (\d+)$/gmu)) {
    const verb = /verb="([^"]*)"/u.exec(labels)?.[1] ?? '';
    const resource = /resource="([^"]*)"/u.exec(labels)?.[1] ?? '';
    if (['get', 'list', 'watch'].includes(verb) || ['leases', 'events'].includes(resource)) continue;
    writes += Number(value);
  }
  return writes;
}
