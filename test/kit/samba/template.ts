// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { hash } from 'node:crypto';
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../control-plane/binaries.ts';
import { withCacheLock } from '../control-plane/cache-lock.ts';
import { ensurePrograms } from '../debian.ts';
import { Ldb } from './ldb.ts';
import { places, primaryGroupLdif, seedLdif, seeded, userName } from './seed.ts';
import { provisionArguments, smbConf } from './settings.ts';

const run = promisify(execFile);
const defaultSeed = 20_260_301;

/** Numbers of the seeded domain; `SAMBA_SEED` makes another one, which is built for some minutes. */
export const seed = Number(process.env['SAMBA_SEED'] ?? defaultSeed);

/**
 * The folder of a seeded domain that is to be copied, never used itself: built once per machine for each version of Samba and of the seed.
 * @throws when Samba is neither here nor to be had, or when it cannot make a domain
 */
export async function domainTemplate(progress: (line: string) => void): Promise<string> {
  await ensurePrograms(
    [
      { program: 'samba', debianPackage: 'samba samba-ad-provision samba-dsdb-modules samba-vfs-modules' },
      { program: 'samba-tool', debianPackage: 'samba-common-bin' },
      { program: 'ldbmodify', debianPackage: 'ldb-tools' },
    ],
    progress,
  );
  const version = (await run('samba', ['--version'])).stdout.trim();
  const ldif = seedLdif(seed);
  const shape = [version, ...provisionArguments, smbConf('', ''), primaryGroupLdif.toString(), ldif].join(
    '\n',
  );
  const cache = cacheFolder(process.env, 'samba');
  const template = join(cache, hash('sha256', shape, 'hex').slice(0, 16));
  if (await exists(template)) return template;
  return withCacheLock(
    cache,
    () => progress('samba: another process builds a domain; waiting for it'),
    async () => {
      if (!(await exists(template))) await build(template, ldif, progress);
      return template;
    },
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function build(template: string, ldif: string, progress: (line: string) => void): Promise<void> {
  const startedMs = performance.now();
  progress(`samba: building a domain of ${seeded.users} users with seed ${seed}, once for this machine`);
  const folder = `${template}.partial-${process.pid}`;
  try {
    await mkdir(folder, { recursive: true });
    const [command = '', verb = '', ...rest] = provisionArguments;
    await run('samba-tool', [
      command,
      verb,
      `--targetdir=${folder}`,
      `--option=log file=${folder}/log`,
      ...rest,
    ]);
    await writeFile(`${folder}/etc/smb.conf`, smbConf(folder, '127.0.0.1'));
    const ldb = new Ldb(folder);
    await ldb.modify(ldif);
    await setPrimaryGroups(ldb);
    await rename(folder, template);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  progress(`samba: built in ${Math.round((performance.now() - startedMs) / 1000)} s`);
}

async function setPrimaryGroups(ldb: Ldb): Promise<void> {
  const [staff] = await ldb.search(places.groups, '(sAMAccountName=Staff)', ['objectSid']);
  const rid = staff?.get('objectsid')?.[0]?.split('-').at(-1);
  if (rid === undefined) throw new Error('the seeded domain has no group Staff');
  const users = await ldb.search(places.people, `(sAMAccountName<=${userName(seeded.staffPrimary)})`, [
    'sAMAccountName',
  ]);
  await ldb.modify(
    primaryGroupLdif(
      users.map((user) => user.get('dn')?.[0] ?? ''),
      rid,
    ),
  );
}
