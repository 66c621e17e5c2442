// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { loadAll } from 'js-yaml';
import { apiVersion as ourVersion, externalSystemKind, syncRunKind } from '../api/group.ts';

/** Input that cannot be used: the command exits with 2. */
export class InputError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'InputError';
  }
}

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

/** The `-f` of a command that takes one file; parseArgs alone would silently take the last of several. */
export const fileOption = { type: 'string', short: 'f', multiple: true } as const;

export function oneFile(files: readonly string[] = []): string {
  const [file, ...more] = files;
  if (file === undefined) throw new InputError('-f FILE is missing');
  if (more.length > 0)
    throw new InputError(
      `-f is given ${files.length} times (${files.join(', ')}); put all documents into one file`,
    );
  return file;
}

const maxBytes = 4 * 1024 * 1024;

/** Every document of a multi-document YAML file; `-` reads standard input. JSON is YAML too. */
export async function readManifests(path: string, stdin: NodeJS.ReadableStream): Promise<Manifest[]> {
  const source = path === '-' ? 'standard input' : path;
  const content = await (path === '-' ? text(stdin) : readFile(path, 'utf8')).catch((error: unknown) => {
    throw new InputError(`cannot read ${source}: ${error instanceof Error ? error.message : String(error)}`);
  });
  if (Buffer.byteLength(content) > maxBytes)
    throw new InputError(`${source} is larger than ${maxBytes} bytes`);
  let documents: unknown[];
  try {
    documents = loadAll(content);
  } catch (error) {
    // The parser quotes the lines around the mistake, and these may hold a password: only the first line is safe.
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new InputError(`${source} is not YAML: ${reason}`);
  }
  const manifests = documents
    .filter((document) => document !== null && document !== undefined)
    .map(toManifest);
  if (manifests.length === 0) throw new InputError(`${source} holds no document`);
  return manifests;

  function toManifest(document: unknown, index: number): Manifest {
    const where = `${source}, document ${index + 1}`;
    if (!isRecord(document)) throw new InputError(`${where} is not an object`);
    const { apiVersion, kind, metadata } = document;
    if (typeof apiVersion !== 'string') throw new InputError(`${where}: apiVersion is missing`);
    if (typeof kind !== 'string') throw new InputError(`${where}: kind is missing`);
    if (isRecord(metadata) && typeof metadata['name'] === 'string') return document as Manifest;
    if (kind === syncRunKind && isRecord(metadata) && typeof metadata['generateName'] === 'string') {
      return {
        ...document,
        apiVersion,
        kind,
        metadata: { ...metadata, name: generated(metadata['generateName']) },
      };
    }
    if (!isOurs(apiVersion, kind))
      throw new InputError(
        `${where} is a ${kind} of ${apiVersion}, which is none of ours; give files with ${externalSystemKind}, ${syncRunKind} and Secret, such as those that it lists`,
      );
    throw new InputError(`${where} (${kind}): metadata.name is missing`);
  }
}

/** What the commands read, whatever may be wrong with it. */
function isOurs(apiVersion: string, kind: string): boolean {
  const [group] = ourVersion.split('/');
  return kind === 'Secret' || apiVersion.split('/')[0] === group;
}

/** A name as the API server would make it: five characters are added. */
function generated(prefix: string): string {
  return `${prefix}xxxxx`;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
