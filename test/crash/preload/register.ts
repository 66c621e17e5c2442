// SPDX-License-Identifier: Apache-2.0
import { registerHooks } from 'node:module';

/*
 * `node --import` this before the program: what it opens as its database and what it starts as its controller are then the same with a
 * boundary around each call (see process-boundary.ts). Nothing of the program is changed for it.
 */

const instead: Readonly<Record<string, string>> = {
  '/src/store/sqlite/index.ts': './stores.ts',
  '/src/store/postgres/index.ts': './stores.ts',
  '/src/operator/controller.ts': './controller.ts',
};

registerHooks({
  resolve(specifier, context, nextResolve) {
    const found = nextResolve(specifier, context);
    // Only the program gets the others: these import the real ones.
    const [, replacement] =
      context.parentURL?.includes('/src/cli/') === true
        ? (Object.entries(instead).find(([path]) => found.url.endsWith(path)) ?? [])
        : [];
    return replacement === undefined ? found : { ...found, url: new URL(replacement, import.meta.url).href };
  },
});
