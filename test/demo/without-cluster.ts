// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PassThrough } from 'node:stream';
import { runFromFile } from '../../src/cli/sync.ts';
import type { Stage } from './stage.ts';

/** One run from a file by the CLI's own command. Answers its exit status. */
export async function demoWithoutCluster(stage: Stage): Promise<number> {
  const file = join(stage.folder, 'system.yaml');
  await writeFile(file, stage.manifests, { mode: 0o600 });
  const database = join(stage.folder, 'without-cluster.db');
  stage.say('one run without a cluster: npx extsys sync -f system.yaml --store sqlite:inventory.db');
  const status = await runFromFile({
    file,
    store: { store: `sqlite:${database}` },
    mode: 'Incremental',
    form: stage.options.form,
    allowHttp: false,
    quiet: false,
    streams: { stdin: new PassThrough(), stdout: process.stdout, stderr: process.stderr },
  });
  showInventory(database, stage);
  return status;
}

/** A look into the database, which goes with the demo. */
function showInventory(file: string, { look, say }: Stage): void {
  const inventory = new DatabaseSync(file, { readOnly: true });
  say(`\nin the database, which goes with the demo: ${look}`);
  for (const row of inventory.prepare(look).all()) say(`  ${Object.values(row).join(' | ')}`);
  inventory.close();
}
