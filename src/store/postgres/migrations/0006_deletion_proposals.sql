-- SPDX-License-Identifier: Apache-2.0
-- Deletions that passed the budget and wait for a person: per stream of the run that found them, with the ids.

CREATE TABLE deletion_proposals (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  system      text COLLATE "C" NOT NULL,
  stream_id   bigint NOT NULL REFERENCES streams (id),
  run_uid     text COLLATE "C" NOT NULL,
  run_name    text COLLATE "C" NOT NULL,
  -- When the pass was closed: the seven days count from there.
  proposed_at timestamptz NOT NULL,
  records     bigint NOT NULL,
  -- Over the ids of this stream.
  digest      text NOT NULL,
  -- Over all streams of the run, once it has ended; null before, when nobody can approve it yet.
  run_digest  text,
  -- A few of the records, as JSON.
  sample      text NOT NULL,
  closed_at   timestamptz,
  -- used, superseded or settled.
  closed_as   text,
  -- The run that deleted by approval, and how many.
  used_by     text COLLATE "C",
  deleted     bigint NOT NULL DEFAULT 0,
  UNIQUE (run_uid, stream_id)
);
CREATE INDEX deletion_proposals_named ON deletion_proposals (system, run_name);
CREATE INDEX deletion_proposals_open ON deletion_proposals (system) WHERE closed_at IS NULL;
CREATE INDEX deletion_proposals_used ON deletion_proposals (used_by) WHERE used_by IS NOT NULL;

CREATE TABLE proposed_deletions (
  proposal_id bigint NOT NULL REFERENCES deletion_proposals (id),
  external_id text COLLATE "C" NOT NULL,
  scope_id    bigint NOT NULL,
  PRIMARY KEY (proposal_id, external_id)
);
