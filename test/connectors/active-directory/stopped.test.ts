// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ended } from '../../kit/control-plane/child.ts';
import { line, places, userName } from '../../kit/samba/seed.ts';
import { baseDN } from '../../kit/samba/settings.ts';
import { waitFor } from '../../kit/wait.ts';
import { Directory } from './directory.ts';
import { expectedOf } from './expected.ts';

/** Small pages, so that the reading has many windows. */
const spec = { limits: { requestsPerSecond: 1000, maxRetries: 0, pageSize: 50 } };
const root = join(import.meta.dirname, '../../..');

/** How far the reading of users has come, by its checkpoint. */
function reached(directory: Directory): { readonly after: number; readonly rows: number } {
  const [row] = directory.rows(
    `SELECT json_extract(checkpoint, '$.after') AS after, json_extract(checkpoint, '$.rows') AS rows FROM pass_scopes ps JOIN passes p ON p.id = ps.pass_id JOIN streams s ON s.id = p.stream_id
     WHERE s.stream = 'users' AND checkpoint IS NOT NULL ORDER BY p.id DESC LIMIT 1`,
  );
  return { after: Number(row?.['after'] ?? 0), rows: Number(row?.['rows'] ?? 0) };
}

async function changeMeanwhile({ domain: { ldb } }: Directory): Promise<void> {
  const dnOf = async (name: string) =>
    (await ldb.search(baseDN, `(sAMAccountName=${name})`, ['dn']))[0]?.get('dn')?.[0] ?? '';
  const title = async (name: string, text: string) =>
    ldb.modify(`${line('dn', await dnOf(name))}\nchangetype: modify\nreplace: title\ntitle: ${text}\n\n`);
  // One that was read already, and one that was not: it leaves the window that it would have been found in.
  await title(userName(1), 'Changed Behind');
  await title(userName(2450), 'Changed Ahead');
  await ldb.delete(await dnOf(userName(2)));
  await ldb.delete(await dnOf(userName(2451)));
  await ldb.modify(
    `dn: CN=came,${places.service}\nchangetype: add\nobjectClass: user\nsAMAccountName: came\nuserAccountControl: 512\n\n`,
  );
}

async function expectNothingLost(directory: Directory): Promise<void> {
  const expected = await expectedOf(directory.domain.ldb);
  for (const table of ['users', 'groups', 'devices', 'memberships'] as const)
    expect(directory.live(table), table).toEqual(expected[table]);
  expect(
    directory
      .rows("SELECT title FROM users WHERE title LIKE 'Changed %' ORDER BY title")
      .map((row) => row['title']),
  ).toEqual(['Changed Ahead', 'Changed Behind']);
}

describe('a first reading that is broken off', { timeout: 240_000 }, () => {
  test('by the death of the program goes on in the next run at the window where it was', async () => {
    await using directory = await Directory.start();
    const file = join(directory.folder, 'system.yaml');
    writeFileSync(file, directory.yaml({ spec }), { mode: 0o600 });
    const args = [join(root, 'src/main.ts'), 'sync', '-f', file, '--store', directory.store, '--quiet'];
    const child = spawn(process.execPath, args, { stdio: 'ignore' });
    await waitFor('some windows to be read', () => reached(directory).rows > 600, { intervalMs: 5 });
    child.kill('SIGKILL');
    await ended(child);
    const before = reached(directory);
    expect(before.rows).toBeLessThan(2400);
    await changeMeanwhile(directory);
    const { status, counts } = await directory.sync({ spec });
    expect(status.phase).toBe('Succeeded');
    // Counted over both: what the first windows gave was not asked for again.
    expect(before.after).toBeGreaterThan(0);
    expect(Number(counts['users']?.[1])).toBeLessThan(2500 + before.rows);
    // What was read and deleted before the end of the pass is stated as gone by the next run: the place to go on from is that of the beginning.
    await directory.sync({ spec });
    await expectNothingLost(directory);
  });

  test('by the death of the domain controller goes on when it is back', async () => {
    await using directory = await Directory.start();
    const { domain } = directory;
    const broken = directory.sync({ spec });
    await waitFor('some windows to be read', () => reached(directory).rows > 600, { intervalMs: 5 });
    await domain.stop();
    const { status } = await broken;
    expect(status.failure).toMatchObject({ code: 'unavailable' });
    expect(status.phase).not.toBe('Succeeded');
    const before = directory.live('users').length;
    expect(before).toBeGreaterThan(0);
    await domain.start();
    await changeMeanwhile(directory);
    const next = await directory.sync({ spec });
    expect(next.status.phase).toBe('Succeeded');
    await directory.sync({ spec });
    await expectNothingLost(directory);
  });
});
