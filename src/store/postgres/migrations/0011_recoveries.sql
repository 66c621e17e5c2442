-- SPDX-License-Identifier: Apache-2.0
-- Where a chain went on behind a head that only the cluster knew: runs between the two may be lost, and an audit must know why.

CREATE TABLE recoveries (
  system         text COLLATE "C" NOT NULL,
  after_sequence bigint NOT NULL,
  sequence       bigint NOT NULL,
  digest         text NOT NULL,
  PRIMARY KEY (system, sequence)
);

-- The newest runs of all systems are asked for by when they ended.
CREATE INDEX runs_ended ON runs (ended_at, run_uid) WHERE ended_at IS NOT NULL;
