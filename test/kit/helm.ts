// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { loadAll } from 'js-yaml';
import { inject } from 'vitest';
import { sharedCluster } from './control-plane/shared.ts';

const run = promisify(execFile);

export const chart = fileURLToPath(new URL('../../charts/external-system-operator', import.meta.url));
export const release = 'external-system-operator';

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** Runs the real Helm and gives its standard output; rejects with what it wrote to standard error. */
export async function helm(...args: readonly string[]): Promise<string> {
  const found = inject('helm');
  if (found.state === 'missing') throw new Error(found.reason);
  try {
    const { stdout } = await run(found.path, args, { maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    throw new Error(`helm ${args.slice(0, 2).join(' ')}: ${stderr.trim() || String(error)}`, {
      cause: error,
    });
  }
}

/** What the chart renders with these values, each `key=JSON`. */
export async function render(...values: readonly string[]): Promise<KubeObject[]> {
  const flags = values.flatMap((value) => ['--set-json', value]);
  return documents(await helm('template', release, chart, '--namespace', release, ...flags));
}

/** What kustomize makes of a folder of `config/`. */
export async function kustomize(folder: string): Promise<KubeObject[]> {
  const path = fileURLToPath(new URL(`../../config/${folder}`, import.meta.url));
  return documents(await sharedCluster().kubectl(['kustomize', path]));
}

function documents(yaml: string): KubeObject[] {
  return loadAll(yaml).filter((document) => document !== null && document !== undefined) as KubeObject[];
}
