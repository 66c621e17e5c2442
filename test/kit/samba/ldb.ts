// SPDX-License-Identifier: Apache-2.0
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';

const run = promisify(execFile);
const maxBuffer = 256 * 1024 * 1024;

/** Samba's own tools on the files of a domain, also while it runs: independent of what is tested. */
export class Ldb {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  private get where(): string[] {
    return ['-H', `${this.folder}/private/sam.ldb`, `--configfile=${this.folder}/etc/smb.conf`];
  }

  /** Entries by attribute name in lower case; each value as text. */
  async search(
    base: string,
    filter: string,
    attributes: readonly string[],
    options: readonly string[] = [],
  ): Promise<Entry[]> {
    const scope = options.some((option) => option.startsWith('--scope')) ? [] : ['--scope=sub'];
    const { stdout } = await run(
      'ldbsearch',
      [...this.where, ...scope, '-b', base, ...options, filter, ...attributes],
      { maxBuffer },
    );
    return parseLdif(stdout);
  }

  /** Applies LDIF with `changetype`. */
  async modify(ldif: string, options: readonly string[] = []): Promise<void> {
    await feed('ldbmodify', [...this.where, '--nosync', ...options], ldif);
  }

  async delete(dn: string): Promise<void> {
    await run('ldbdel', [...this.where, '--nosync', dn]);
  }

  async rename(from: string, to: string): Promise<void> {
    await run('ldbrename', [...this.where, '--nosync', from, to]);
  }

  async tool(...words: readonly string[]): Promise<string> {
    const { stdout } = await run('samba-tool', [...words, ...this.where], { maxBuffer });
    return stdout;
  }
}

export type Entry = ReadonlyMap<string, readonly string[]>;

export async function feed(program: string, args: readonly string[], input: string): Promise<void> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (said += data.toString()));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with ${String(code)}: ${said.slice(-2000)}`);
}

function parseLdif(text: string): Entry[] {
  const entries: Entry[] = [];
  for (const block of text.replaceAll('\n ', '').split(/\n\n+/u)) {
    const entry = new Map<string, string[]>();
    for (const line of block.split('\n')) {
      const [, name, encoded, value = ''] = /^([\w;.-]+):(:?) ?(.*)$/u.exec(line) ?? [];
      if (name === undefined || line.startsWith('#')) continue;
      const decoded = encoded === ':' ? Buffer.from(value, 'base64').toString('utf8') : value;
      const key = name.toLowerCase();
      const values = entry.get(key);
      if (values === undefined) entry.set(key, [decoded]);
      else values.push(decoded);
    }
    if (entry.has('dn')) entries.push(entry);
  }
  return entries;
}
