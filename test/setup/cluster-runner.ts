// SPDX-License-Identifier: Apache-2.0
import { inject, TestRunner, type RunnerTask, type RunnerTestFile } from 'vitest';

/** The one file that fails, with the remedy, when no control plane can be had. */
const sentinel = 'test/cluster/control-plane.test.ts';

/** Skips every cluster test, hooks included, when there is no cluster: their failures would all say the same. */
export default class ClusterRunner extends TestRunner {
  onCollected(files: RunnerTestFile[]): void {
    const controlPlane = inject('controlPlane');
    if (controlPlane.state === 'running') return;
    for (const file of files) {
      if (!controlPlane.leftOut && file.filepath.endsWith(sentinel)) continue;
      file.tasks.forEach(skip);
    }
  }
}

function skip(task: RunnerTask): void {
  if (task.mode !== 'todo') task.mode = 'skip';
  if (task.type === 'suite') task.tasks.forEach(skip);
}
