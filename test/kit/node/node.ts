// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ProgramMissing } from '../debian.ts';

const script = fileURLToPath(new URL('node.sh', import.meta.url));

/** Address of this machine for pods. */
export const hostAddress = '10.213.0.1';

export interface NodeFolders {
  readonly programs: string;
  readonly state: string;
  /** Archive of images for its pods. */
  readonly images: string;
}

/** @throws ProgramMissing where a node cannot be: it says what it takes */
export function checkMachine(): void {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new ProgramMissing('a node that runs pods needs Linux and root');
  if (existsSync('/sys/fs/cgroup/cgroup.controllers'))
    throw new ProgramMissing('this node is written for cgroup v1 and this machine has v2');
  if (existsSync('/sys/class/net/node1'))
    throw new ProgramMissing(
      'a network device node1 is here already: another node runs, or one was left: end its `unshare … node.sh inside`, then ip link delete node1',
    );
}

/** Starts the node and waits until it is Ready. */
export function nodeUp(folders: NodeFolders): Promise<void> {
  return call('up', folders);
}

/** Ends every program and pod of it. */
export function nodeDown(folders: NodeFolders): Promise<void> {
  return call('down', folders);
}

async function call(command: 'up' | 'down', { programs, state, images }: NodeFolders): Promise<void> {
  const env = {
    ...process.env,
    PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
    PROGRAMS: programs,
    STATE: state,
    IMAGES: images,
  };
  const child = spawn('bash', [script, command], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`node.sh ${command} ended with ${code ?? 'a signal'}`);
}
