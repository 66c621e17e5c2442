// SPDX-License-Identifier: Apache-2.0
import type { Reflector } from './reflector.ts';
import type { Reflected } from './watch-events.ts';

/** What is asked of the reflectors of one resource: one of all namespaces, or one per watched namespace. */
export class ReflectorSet<Kind extends Reflected> {
  private readonly byNamespace: ReadonlyMap<string, Reflector<Kind>>;
  private readonly all: Reflector<Kind> | undefined;

  /** @param namespaces Those to watch; all when empty. @param reflect Starts the reflector of one, or of all. */
  constructor(namespaces: readonly string[], reflect: (namespace: string | undefined) => Reflector<Kind>) {
    this.all = namespaces.length === 0 ? reflect(undefined) : undefined;
    this.byNamespace = new Map(namespaces.map((namespace) => [namespace, reflect(namespace)]));
  }

  /** Resolves when every one has its first list. */
  get synced(): Promise<unknown> {
    return Promise.all(this.reflectors().map(({ synced }) => synced));
  }

  /** Namespaces whose first list is still waited for; `all` for the one of all. */
  get unsynced(): readonly string[] {
    const waiting = [...this.byNamespace].filter(([, { isSynced }]) => !isSynced).map(([name]) => name);
    return this.all?.isSynced === false ? ['all'] : waiting;
  }

  /** Of the one that has heard nothing for the longest time, in ms. */
  get silentForMs(): number {
    return Math.max(...this.reflectors().map(({ silentForMs }) => silentForMs));
  }

  /** By `namespace/name`. */
  get(key: string): Kind | undefined {
    const [namespace = ''] = key.split('/');
    return (this.all ?? this.byNamespace.get(namespace))?.get(key);
  }

  list(): Kind[] {
    return this.reflectors().flatMap((reflector) => reflector.list());
  }

  private reflectors(): readonly Reflector<Kind>[] {
    return this.all === undefined ? [...this.byNamespace.values()] : [this.all];
  }
}
