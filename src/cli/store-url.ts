// SPDX-License-Identifier: Apache-2.0
import type { Store } from '../store/port.ts';
import { sqliteStore } from '../store/sqlite/index.ts';
import { InputError } from './manifests.ts';

export const defaultStoreUrl = 'sqlite:inventory.db';

/** The store that `--store` names: `sqlite:FILE`. */
export function storeFromUrl(url: string): Store {
  const [, file] = /^sqlite:(.+)$/u.exec(url) ?? [];
  if (file === undefined) throw new InputError(`--store ${url}: not a known store; use sqlite:FILE`);
  return sqliteStore(file);
}
