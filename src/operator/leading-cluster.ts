// SPDX-License-Identifier: Apache-2.0
import type { ClusterPort } from './cluster-port.ts';

/** What the leader wanted to write is another's to write by now. */
export class LeadershipLost extends Error {
  override readonly name = 'LeadershipLost';

  constructor() {
    super('nothing was written: this replica does not lead any more');
  }
}

/**
 * The cluster for who leads. A process that stood still since it made up its mind would write what another has done, ended and
 * pruned since, and no API server can refuse that: so it is asked again, at the last moment, whether it leads.
 */
export function whileLeading(cluster: ClusterPort, leads: () => boolean): ClusterPort {
  const asked =
    <Args extends unknown[], Answer>(write: (...args: Args) => Promise<Answer>) =>
    async (...args: Args): Promise<Answer> => {
      if (!leads()) throw new LeadershipLost();
      return write(...args);
    };
  return {
    createRun: asked((run) => cluster.createRun(run)),
    updateRunStatus: asked((run, status) => cluster.updateRunStatus(run, status)),
    deleteRun: asked((namespace, name, uid) => cluster.deleteRun(namespace, name, uid)),
    updateSystemStatus: asked((system, status) => cluster.updateSystemStatus(system, status)),
    getRun: (namespace, name) => cluster.getRun(namespace, name),
    runsOf: (namespace, name) => cluster.runsOf(namespace, name),
    hasSystem: (namespace, name) => cluster.hasSystem(namespace, name),
    getSecret: (namespace, name) => cluster.getSecret(namespace, name),
  };
}
