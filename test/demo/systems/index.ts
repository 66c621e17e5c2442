// SPDX-License-Identifier: Apache-2.0
import { activeDirectoryDemo } from './active-directory.ts';
import type { DemoSystem } from './demo-system.ts';
import { entraDemo } from './entra-id.ts';
import { serviceNowDemo } from './servicenow-cmdb.ts';

/** One for each connector; the first is shown unless another is asked for. */
export const demoSystems: readonly [DemoSystem, ...DemoSystem[]] = [
  serviceNowDemo,
  activeDirectoryDemo,
  entraDemo,
];
