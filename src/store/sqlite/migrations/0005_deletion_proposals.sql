-- SPDX-License-Identifier: Apache-2.0
-- Deletions that passed the budget and wait for a person: per stream of the run that found them, with the ids.

CREATE TABLE deletion_proposals (
  id          INTEGER PRIMARY KEY,
  system      TEXT NOT NULL,
  stream_id   INTEGER NOT NULL REFERENCES streams (id),
  run_uid     TEXT NOT NULL,
  run_name    TEXT NOT NULL,
  -- When the pass was closed: the seven days count from there.
  proposed_at TEXT NOT NULL,
  records     INTEGER NOT NULL,
  -- Over the ids of this stream.
  digest      TEXT NOT NULL,
  -- Over all streams of the run, once it has ended; null before, when nobody can approve it yet.
  run_digest  TEXT,
  -- A few of the records, as JSON.
  sample      TEXT NOT NULL,
  closed_at   TEXT,
  -- used, superseded or settled.
  closed_as   TEXT,
  -- The run that deleted by approval, and how many.
  used_by     TEXT,
  deleted     INTEGER NOT NULL DEFAULT 0,
  UNIQUE (run_uid, stream_id)
) STRICT;
CREATE INDEX deletion_proposals_named ON deletion_proposals (system, run_name);
CREATE INDEX deletion_proposals_open ON deletion_proposals (system) WHERE closed_at IS NULL;
CREATE INDEX deletion_proposals_used ON deletion_proposals (used_by) WHERE used_by IS NOT NULL;

CREATE TABLE proposed_deletions (
  proposal_id INTEGER NOT NULL REFERENCES deletion_proposals (id),
  external_id TEXT NOT NULL,
  scope_id    INTEGER NOT NULL,
  PRIMARY KEY (proposal_id, external_id)
) STRICT, WITHOUT ROWID;
