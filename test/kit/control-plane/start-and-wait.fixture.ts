// SPDX-License-Identifier: Apache-2.0
import { dirname } from 'node:path';
import { startControlPlane } from './start.ts';

// Started by a test as a process of its own: starts a control plane, says so in one line, and waits to be killed.
const controlPlane = await startControlPlane(JSON.parse(process.env['BINARIES'] ?? ''));
const directory = dirname(controlPlane.kubeconfigPath);
console.log(
  JSON.stringify({
    server: controlPlane.server,
    pids: controlPlane.processIds(),
    directory,
    uid: process.getuid?.(),
  }),
);
setInterval(() => undefined, 60_000);
