// SPDX-License-Identifier: Apache-2.0
import type { Instance } from '../connectors/servicenow-cmdb/instance.ts';

/** Holds every answer to the data of servers but the first until it is let go. */
export function holdPages(instance: Instance): {
  readonly reached: () => boolean;
  readonly letGo: () => void;
} {
  let held = false;
  let open = false;
  instance.before = (asked) => {
    if (open || asked.table !== 'cmdb_ci_server' || asked.limit < 5 || !asked.query.includes('sys_id>'))
      return undefined;
    held = true;
    return () => undefined;
  };
  return {
    reached: () => held,
    letGo: () => {
      open = true;
    },
  };
}
