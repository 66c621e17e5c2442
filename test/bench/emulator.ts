// SPDX-License-Identifier: Apache-2.0
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startServiceNow, type ServiceNow } from '../simulators/servicenow/index.ts';
import type { Change } from '../simulators/servicenow/rows.ts';

/** The estate as it was at first, with every tenth item edited, with every twentieth gone besides. */
export const estates = ['first', 'changed', 'deleted'] as const;
export type EstateName = (typeof estates)[number];

const edited = { os_version: '9.9-edited', sys_updated_on: '2026-03-01 00:00:00', sys_mod_count: '4' };
const rules: Readonly<Record<EstateName, (index: number) => Change>> = {
  first: () => undefined,
  changed: (index) => (index % 10 === 0 ? edited : undefined),
  deleted: (index) => (index % 20 === 7 ? 'gone' : index % 10 === 0 ? edited : undefined),
};

export interface Emulator extends AsyncDisposable {
  readonly url: string;
  become(estate: EstateName): Promise<void>;
}

/** The emulator in a process of its own: what it costs is not ours. */
export async function startEmulator(records: number): Promise<Emulator> {
  const child = fork(fileURLToPath(import.meta.url), [String(records)], { stdio: 'inherit' });
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  return {
    url,
    async become(estate) {
      child.send(estate);
      await once(child, 'message');
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

function obey(emulator: ServiceNow, estate: unknown): void {
  emulator.changeAll('cmdb_ci', rules[estates.find((name) => name === estate) ?? 'first']);
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  const emulator = await startServiceNow({
    seed: 1,
    counts: { servers: Number(process.argv[2]) },
    basic: { username: 'reader', password: 'change-me' },
  });
  process.on('message', (estate) => {
    obey(emulator, estate);
    process.send?.({ estate });
  });
  process.send({ url: emulator.url });
}
