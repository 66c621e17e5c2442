-- SPDX-License-Identifier: Apache-2.0
-- What runs of mode Plan keep. The inventory itself is not touched by them.

-- One row per stream of a plan. Their ids lie beyond those of all other passes: what a plan saw was seen last.
CREATE TABLE plan_passes (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  system          TEXT NOT NULL,
  run_uid         TEXT NOT NULL,
  stream          TEXT NOT NULL,
  record          TEXT NOT NULL,
  -- That of the stream; of one that no run has read yet, the id of the pass, negative.
  stream_id       INTEGER NOT NULL DEFAULT 0,
  fetched         INTEGER NOT NULL DEFAULT 0,
  set_aside       INTEGER NOT NULL DEFAULT 0,
  set_aside_by_mapping INTEGER NOT NULL DEFAULT 0,
  -- Records that would live and do not, and those that would go.
  added           INTEGER NOT NULL DEFAULT 0,
  deleted         INTEGER NOT NULL DEFAULT 0,
  withheld_reason TEXT,
  -- 1 once the tables that it works with are free of its rows.
  cleared         INTEGER NOT NULL DEFAULT 0,
  UNIQUE (run_uid, stream)
) STRICT;
INSERT INTO sqlite_sequence (name, seq) VALUES ('plan_passes', 4503599627370496);
CREATE INDEX plan_passes_of_system ON plan_passes (system, id);

-- Laid over scopes, pass_scopes, sightings and removals while a plan runs; empty otherwise.
CREATE TABLE plan_scopes (
  pass_id   INTEGER NOT NULL,
  stream_id INTEGER NOT NULL,
  scope_id  INTEGER NOT NULL,
  scope     TEXT NOT NULL,
  verdict   TEXT,
  ended_by  TEXT,
  PRIMARY KEY (pass_id, scope_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE plan_sightings (
  stream_id    INTEGER NOT NULL,
  external_id  TEXT NOT NULL,
  scope_id     INTEGER NOT NULL,
  pass_id      INTEGER NOT NULL,
  -- Number of the page that gave the hash: of several scopes the newest counts. Null for a row that was set aside.
  page         INTEGER NOT NULL,
  content_hash TEXT,
  -- 1 for a record that would live and does not.
  added        INTEGER NOT NULL,
  PRIMARY KEY (stream_id, external_id, scope_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE plan_removals (
  stream_id   INTEGER NOT NULL,
  external_id TEXT NOT NULL,
  PRIMARY KEY (stream_id, external_id)
) STRICT, WITHOUT ROWID;

-- What a person reads of a plan: in how many records which field would change, and some records of each kind.
CREATE TABLE plan_fields (
  pass_id INTEGER NOT NULL,
  field   TEXT NOT NULL,
  records INTEGER NOT NULL,
  PRIMARY KEY (pass_id, field)
) STRICT, WITHOUT ROWID;
CREATE TABLE plan_samples (
  pass_id     INTEGER NOT NULL,
  number      INTEGER NOT NULL,
  action      TEXT NOT NULL,
  external_id TEXT,
  name        TEXT,
  -- JSON: fields with the value before and after.
  changes     TEXT NOT NULL,
  reason      TEXT,
  PRIMARY KEY (pass_id, action, number)
) STRICT, WITHOUT ROWID;
