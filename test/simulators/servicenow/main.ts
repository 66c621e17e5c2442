// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { startServiceNow } from './index.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    servers: { type: 'string', default: '3000' },
    rows: { type: 'string' },
    user: { type: 'string', default: 'reader' },
    // A password of an emulator on loopback is no secret.
    password: { type: 'string', default: 'change-me' },
  },
});

const instance = await startServiceNow({
  seed: Number(values.seed),
  counts: { servers: Number(values.servers) },
  port: Number(values.port),
  basic: { username: values.user, password: values.password },
  ...(values.rows === undefined ? {} : { rows: values.rows }),
});
console.log(JSON.stringify({ url: instance.url }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void instance.stop());
