// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import type { KeptHead } from '../sync/chain.ts';
import { InputError } from './manifests.ts';

const form = 'NAMESPACE/NAME=SEQUENCE@DIGEST';
const pattern = /^(?<system>[^\s/=]+\/[^\s/=]+)=(?<sequence>[1-9]\d{0,15})@(?<digest>sha256:[0-9a-f]{64})$/u;

/** A head as it is kept: one word, for a line of a file or a flag. */
export function headWord(system: string, { sequence, digest }: Pick<KeptHead, 'sequence' | 'digest'>) {
  return `${system}=${sequence}@${digest}`;
}

/** Heads from flags and from files of such lines; empty lines and those that begin with # say nothing. Throws InputError. */
export function keptHeads(
  words: readonly string[],
  files: readonly string[],
): ReadonlyMap<string, readonly KeptHead[]> {
  const kept = new Map<string, KeptHead[]>();
  const add = (word: string, from: string) => {
    const found = pattern.exec(word)?.groups;
    if (found === undefined) throw new InputError(`${from}: ${word} is no head; write ${form}`);
    const { system = '', sequence = '', digest = '' } = found;
    kept.set(system, [...(kept.get(system) ?? []), { sequence: Number(sequence), digest, from }]);
  };
  for (const word of words) add(word, '--head');
  for (const file of files) {
    readLines(file).forEach((line, index) => {
      const word = line.trim();
      if (word !== '' && !word.startsWith('#')) add(word, `${file} line ${index + 1}`);
    });
  }
  return kept;
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    throw new InputError(`--heads ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
