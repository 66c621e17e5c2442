// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { EmulatorProcess } from './emulator-process.ts';

describe.each(['servicenow', 'graph'])('commands for %s', (name) => {
  async function start() {
    const emulator = await EmulatorProcess.start<Readonly<Record<string, string>>>(name, '--users', '5');
    onTestFinished(async () => void (await emulator.stop()));
    return emulator.address;
  }

  test('have an address of their own on this machine, and those of the vendor know none', async () => {
    const { controlUrl, tenantId: _, ...vendor } = await start();
    const addresses = Object.values(vendor);
    expect(new URL(controlUrl).hostname).toBe('127.0.0.1');
    expect(addresses.length).toBeGreaterThan(0);
    expect(addresses).not.toContain(controlUrl);
    for (const url of addresses) {
      const response = await fetch(url, { method: 'POST', body: 'find a' });
      expect(response.status, url).toBeGreaterThan(399);
    }
    expect((await fetch(controlUrl, { method: 'PUT', body: 'find a' })).status).toBe(405);
  });

  test('tell what there is, and the README names each', async () => {
    const { controlUrl } = await start();
    const help = await (await fetch(controlUrl)).text();
    const lines = help.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(7);
    const readme = await readFile(new URL(`${name}/README.md`, import.meta.url), 'utf8');
    for (const line of lines) expect(readme).toContain(`\`${line.split(' ')[0]}`);
  });
});
