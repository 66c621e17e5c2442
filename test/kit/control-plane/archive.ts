// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { load } from 'js-yaml';
import { Type, type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { EnvHttpProxyAgent, fetch, type Dispatcher } from 'undici';
import { inspectFolder, isOurMinor, preference, type Lookup } from './binaries.ts';

/**
 * The list of official archives with their SHA-512, as setup-envtest reads it.
 * https://github.com/kubernetes-sigs/controller-tools/blob/main/envtest-releases.yaml
 */
export const envtestIndexUrl =
  'https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml';

const ReleaseIndex = Type.Object({
  releases: Type.Record(
    Type.String(),
    Type.Record(
      Type.String(),
      Type.Object({ hash: Type.String({ pattern: '^[0-9a-f]{128}$' }), selfLink: Type.String() }),
    ),
  ),
});
const checkIndex = Compile(ReleaseIndex);
type ReleaseIndex = Static<typeof ReleaseIndex>;

interface Archive {
  readonly version: string;
  readonly url: string;
  readonly sha512: string;
}

export interface DownloadRequest {
  /** The cache folder above the versions. */
  readonly cache: string;
  readonly indexUrl: string;
  readonly progress: (line: string) => void;
  /** A machine without a way out must find that out at once. */
  readonly connectTimeoutMs?: number;
}

const maxIndexBytes = 4 * 1024 * 1024;
const progressEveryMs = 10_000;

/** Puts the official archive for this platform into the cache; a wrong checksum, or no connection, is a miss. */
export async function downloadEnvtest(request: DownloadRequest): Promise<Lookup> {
  const timeout = request.connectTimeoutMs ?? 4000;
  // Reads HTTPS_PROXY and NO_PROXY, which Node's own fetch does not.
  const dispatcher = new EnvHttpProxyAgent({
    connect: { timeout },
    headersTimeout: 20_000,
    bodyTimeout: 30_000,
  });
  try {
    const archive = choose(await readIndex(request.indexUrl, dispatcher), request.indexUrl);
    if (typeof archive === 'string') return { miss: archive };
    return await install(archive, request, dispatcher);
  } catch (error) {
    return { miss: `the official envtest archive cannot be downloaded: ${explain(error)}` };
  } finally {
    await dispatcher.destroy();
  }
}

async function readIndex(url: string, dispatcher: Dispatcher): Promise<ReleaseIndex> {
  const response = await fetch(url, { dispatcher });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const text = await response.text();
  if (text.length > maxIndexBytes) throw new Error(`${url} is larger than ${maxIndexBytes} bytes`);
  const index: unknown = load(text);
  if (!checkIndex.Check(index)) throw new Error(`${url} is not a list of envtest releases`);
  return index;
}

function choose(index: ReleaseIndex, indexUrl: string): Archive | string {
  const platform = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
  const versions = Object.keys(index.releases)
    .filter(isOurMinor)
    .toSorted((a, b) => preference(b) - preference(a));
  for (const version of versions) {
    const entry = index.releases[version]?.[`envtest-${version}-${platform}.tar.gz`];
    if (entry === undefined) continue;
    if (new URL(entry.selfLink).protocol !== new URL(indexUrl).protocol)
      return `${entry.selfLink} leaves ${indexUrl}'s protocol`;
    return { version, url: entry.selfLink, sha512: entry.hash };
  }
  return `there is no official envtest archive of our Kubernetes version for ${platform}`;
}

async function install(archive: Archive, request: DownloadRequest, dispatcher: Dispatcher): Promise<Lookup> {
  const folder = join(request.cache, archive.version);
  await mkdir(folder, { recursive: true });
  const scratch = await mkdtemp(join(folder, '.download-'));
  try {
    const file = join(scratch, 'archive.tar.gz');
    request.progress(`control plane: downloading ${archive.url}, once per machine`);
    const actual = await save(archive.url, file, request.progress, dispatcher);
    if (actual !== archive.sha512) {
      return {
        miss: `${archive.url} was refused: its SHA-512 begins with ${actual.slice(0, 12)}, the release index says ${archive.sha512.slice(0, 12)}`,
      };
    }
    // Every member is controller-tools/envtest/NAME.
    await promisify(execFile)('tar', ['-xzf', file, '-C', scratch, '--strip-components=2']);
    const unpacked = await inspectFolder(scratch, 'download');
    if ('miss' in unpacked) return unpacked;
    for (const name of ['etcd', 'kubectl', 'kube-apiserver'])
      await rename(join(scratch, name), join(folder, name));
    return await inspectFolder(folder, 'download');
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Writes the body to the file and gives its SHA-512 in hex. */
async function save(
  url: string,
  file: string,
  progress: (line: string) => void,
  dispatcher: Dispatcher,
): Promise<string> {
  const response = await fetch(url, { dispatcher });
  if (!response.ok || response.body === null) throw new Error(`${url} answered ${response.status}`);
  const hash = createHash('sha512');
  const total = Number(response.headers.get('content-length'));
  let received = 0;
  const ticker = setInterval(() => {
    progress(
      `control plane: ${(received / 1e6).toFixed(0)}${total > 0 ? ` of ${(total / 1e6).toFixed(0)}` : ''} MB`,
    );
  }, progressEveryMs);
  const counted = async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      received += chunk.byteLength;
      yield chunk;
    }
  };
  try {
    await pipeline(Readable.fromWeb(response.body), counted, createWriteStream(file));
  } finally {
    clearInterval(ticker);
  }
  return hash.digest('hex');
}

/** undici's fetch says "fetch failed" and keeps what happened in the cause. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
