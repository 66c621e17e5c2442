// SPDX-License-Identifier: Apache-2.0
import { startGraph } from '../../simulators/graph/index.ts';
import type { DemoSystem } from './demo-system.ts';

const login = { clientId: '11111111-2222-4333-8444-555555555555', clientSecret: 'emulated-client-secret' };

export const entraDemo: DemoSystem = {
  id: 'entraId',
  sample: 'entra-id.yaml',
  counts: 'users',
  defaultSize: 1000,
  look: 'SELECT name, title, department, active FROM demo_users ORDER BY name LIMIT 3',
  async start({ size, seed }) {
    const graph = await startGraph({ seed, counts: { users: size }, application: login });
    return {
      what: `a Microsoft Graph emulator with ${size} users answers at ${graph.url}, its login at ${graph.loginUrl}`,
      connector: { tenantId: graph.tenant.id, graphUrl: graph.url, loginUrl: graph.loginUrl },
      roleMappings: [
        { role: 'inventory-admin', group: 'All staff' },
        { role: 'auditor', directoryRole: 'Global Reader' },
      ],
      secret: login,
      stop: () => graph.stop(),
    };
  },
};
