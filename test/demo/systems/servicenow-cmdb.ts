// SPDX-License-Identifier: Apache-2.0
import { startServiceNow } from '../../simulators/servicenow/index.ts';
import type { DemoSystem } from './demo-system.ts';

const login = { username: 'reader', password: 'emulated-password' };

export const serviceNowDemo: DemoSystem = {
  id: 'serviceNowCmdb',
  sample: 'servicenow-cmdb.yaml',
  counts: 'configuration items',
  defaultSize: 3000,
  look: 'SELECT name, type, status, operating_system FROM demo_assets ORDER BY name LIMIT 3',
  async start({ size, seed }) {
    const emulator = await startServiceNow({ seed, counts: { servers: size }, basic: login });
    return {
      what: `a ServiceNow emulator with ${size} configuration items answers at ${emulator.url}`,
      connector: { url: emulator.url },
      secret: login,
      stop: () => emulator.stop(),
    };
  },
};
