// SPDX-License-Identifier: Apache-2.0
import { rm } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { certificate } from '../../kit/certificate.ts';
import { startDomain } from '../../kit/samba/domain.ts';
import { places, seeded } from '../../kit/samba/seed.ts';
import { baseDN } from '../../kit/samba/settings.ts';
import { Directory } from './directory.ts';
import { expectedOf } from './expected.ts';

const settings = `CN=NTDS Settings,CN=DC1,CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,${baseDN}`;
/** Small parts of the domain, since these tests are of the place to go on from. */
const block = { userBases: [places.service], groupBases: [places.groups], computerBases: [places.computers] };

/** Why the last reading of each scope of a stream was a full one. */
function anew(directory: Directory, stream: string): readonly unknown[] {
  return directory
    .rows(
      `SELECT json_extract(ps.evidence, '$.anew') AS anew FROM pass_scopes ps JOIN passes p ON p.id = ps.pass_id
       JOIN streams s ON s.id = p.stream_id WHERE s.stream = ? ORDER BY p.id DESC LIMIT 1`,
      stream,
    )
    .map((row) => row['anew']);
}

const newUser = (name: string) =>
  `dn: CN=${name},${places.service}\nchangetype: add\nobjectClass: user\nsAMAccountName: ${name}\nuserAccountControl: 512\n\n`;

describe('the place to go on from belongs to one controller', { timeout: 180_000 }, () => {
  test('a rebuilt controller is read in full, and what was deleted meanwhile is found', async () => {
    await using directory = await Directory.start();
    await directory.sync({ block });
    const { domain } = directory;
    await domain.stop();
    await domain.ldb.modify(
      `dn: ${settings}\nchangetype: modify\nreplace: invocationId\ninvocationId: 33333333-3333-4333-8333-333333333333\n\n`,
      ['--relax'],
    );
    await domain.ldb.delete(`CN=PC0007,${places.computers}`);
    await domain.start();
    const { status, counts } = await directory.sync({ block });
    expect(status.phase).toBe('Succeeded');
    expect(counts['computers']).toEqual(['Full', seeded.computers - 1, 0, 0, seeded.computers - 1, 1]);
    expect(directory.live('devices')).toEqual((await expectedOf(domain.ldb, places.computers)).devices);
    expect(anew(directory, 'computers')).toEqual([expect.stringContaining('was rebuilt or restored')]);
    const next = await directory.sync({ block });
    expect(next.counts['computers']).toEqual(['Incremental', 0, 0, 0, 0, 0]);
  });

  test('a controller that was restored from a copy counts fewer changes and is read in full', async () => {
    const authority = certificate('test authority', { authority: true });
    await using directory = await Directory.start({ authority });
    const first = directory.domain;
    await first.stop();
    const copy = await first.copy();
    await first.start();
    await first.ldb.modify(newUser('kept-by-nobody'));
    await directory.sync({ block });
    expect(directory.live('users')).toEqual((await expectedOf(first.ldb, places.service)).users);
    await first[Symbol.asyncDispose]();
    directory.domain = await startDomain({ from: copy, address: first.address, authority });
    await rm(copy, { recursive: true, force: true });
    const { counts, status } = await directory.sync({ block });
    expect(status.phase).toBe('Succeeded');
    expect(counts['users']?.at(-1)).toBe(1);
    expect(directory.live('users')).toEqual((await expectedOf(directory.domain.ldb, places.service)).users);
    expect(anew(directory, 'users')).toEqual([
      expect.stringMatching(/counts \d+ changes, \d+ were read before/u),
    ]);
  });

  test('where the first controller is away the second is read in full, and the first again when it is back', async () => {
    const authority = certificate('test authority', { authority: true });
    await using directory = await Directory.start({ authority });
    const first = directory.domain;
    await using second = await startDomain({ authority });
    // The same domain on another machine: its own name and its own database.
    await second.stop();
    await second.ldb.modify(
      `dn: ${settings}\nchangetype: modify\nreplace: invocationId\ninvocationId: 44444444-4444-4444-8444-444444444444\n\n`,
      ['--relax'],
    );
    await second.ldb.modify(newUser('only-here'));
    await second.start();
    const both = { ...block, urls: [first.ldapsUrl, second.ldapsUrl] };
    await directory.sync({ block: both });
    await first.stop();
    const { status } = await directory.sync({ block: both });
    expect(status.phase).toBe('Succeeded');
    expect(directory.live('users')).toEqual((await expectedOf(second.ldb, places.service)).users);
    expect(anew(directory, 'users')).toEqual([expect.any(String)]);
    await first.start();
    const back = await directory.sync({ block: both });
    expect(back.counts['users']?.at(-1)).toBe(1);
    expect(directory.live('users')).toEqual((await expectedOf(first.ldb, places.service)).users);
  });
});
