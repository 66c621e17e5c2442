// SPDX-License-Identifier: Apache-2.0
import type { Store } from '../../../src/store/port.ts';
import * as postgres from '../../../src/store/postgres/index.ts';
import * as sqlite from '../../../src/store/sqlite/index.ts';
import { passBoundary } from './process-boundary.ts';

/** Asked by the clock, not by what is done. */
const uncounted: ReadonlySet<string | symbol> = new Set(['open', 'close', 'bind', 'ping', 'recordCounts']);

function atBoundaries(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function' || uncounted.has(name)) return member;
      return (...args: unknown[]) =>
        passBoundary(String(name), () => Promise.resolve(Reflect.apply(member, target, args)));
    },
  });
}

export function sqliteStore(...args: Parameters<typeof sqlite.sqliteStore>): Store {
  return atBoundaries(sqlite.sqliteStore(...args));
}

export function postgresStore(...args: Parameters<typeof postgres.postgresStore>): Store {
  return atBoundaries(postgres.postgresStore(...args));
}
