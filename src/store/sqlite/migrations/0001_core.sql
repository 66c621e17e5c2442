-- SPDX-License-Identifier: Apache-2.0
-- What the operator itself keeps. The record tables are in 0002, generated from the schemas.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row per namespace/name that ever ran: its fence (null when no run holds it), its source, the head of its chain.
CREATE TABLE systems (
  system        TEXT PRIMARY KEY,
  source        TEXT,
  fence_run_uid TEXT,
  fence_attempt INTEGER,
  sequence      INTEGER NOT NULL DEFAULT 0,
  digest        TEXT,
  demo          INTEGER NOT NULL DEFAULT 0,
  -- Since then every stream has had a complete full pass.
  full_at       TEXT
) STRICT, WITHOUT ROWID;

-- What scheduling and status ask of one object again and again, kept by the transactions that change it: the archive only grows.
CREATE TABLE system_objects (
  system               TEXT NOT NULL,
  system_uid           TEXT NOT NULL,
  last_run_uid         TEXT,
  verdict_run_uid      TEXT,
  last_success_at      TEXT,
  last_failure_at      TEXT,
  consecutive_failures INTEGER NOT NULL DEFAULT 0,
  last_slot            TEXT,
  last_started_at      TEXT,
  PRIMARY KEY (system, system_uid)
) STRICT, WITHOUT ROWID;

-- Open runs (ended_at is null) and the archive in one table: ending a run and archiving it are one write.
CREATE TABLE runs (
  run_uid         TEXT PRIMARY KEY,
  system          TEXT NOT NULL,
  system_uid      TEXT NOT NULL,
  generation      INTEGER NOT NULL,
  run_name        TEXT NOT NULL,
  attempt         INTEGER NOT NULL,
  worker          TEXT NOT NULL,
  mode            TEXT NOT NULL,
  "trigger"       TEXT NOT NULL,
  slot            TEXT,
  correlation_id  TEXT NOT NULL,
  started_at      TEXT NOT NULL,
  ended_at        TEXT,
  phase           TEXT,
  failure_code    TEXT,
  sequence        INTEGER,
  previous_digest TEXT,
  digest          TEXT,
  json            TEXT,
  pruned          INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX runs_slot ON runs (system_uid, slot) WHERE slot IS NOT NULL;
CREATE UNIQUE INDEX runs_chain ON runs (system, sequence) WHERE sequence IS NOT NULL;
CREATE INDEX runs_unpruned ON runs (system, sequence) WHERE pruned = 0;
CREATE INDEX runs_name ON runs (system, run_name);
CREATE INDEX runs_open ON runs (system) WHERE ended_at IS NULL;

-- Of an archived run only the mark that it was pruned from the cluster may change.
CREATE TRIGGER runs_frozen BEFORE UPDATE ON runs
WHEN OLD.ended_at IS NOT NULL AND (
  NEW.run_uid IS NOT OLD.run_uid OR NEW.system IS NOT OLD.system OR NEW.system_uid IS NOT OLD.system_uid OR
  NEW.generation IS NOT OLD.generation OR NEW.run_name IS NOT OLD.run_name OR NEW.attempt IS NOT OLD.attempt OR
  NEW.worker IS NOT OLD.worker OR NEW.mode IS NOT OLD.mode OR NEW."trigger" IS NOT OLD."trigger" OR
  NEW.slot IS NOT OLD.slot OR NEW.correlation_id IS NOT OLD.correlation_id OR
  NEW.started_at IS NOT OLD.started_at OR NEW.ended_at IS NOT OLD.ended_at OR NEW.phase IS NOT OLD.phase OR
  NEW.failure_code IS NOT OLD.failure_code OR NEW.sequence IS NOT OLD.sequence OR
  NEW.previous_digest IS NOT OLD.previous_digest OR NEW.digest IS NOT OLD.digest OR NEW.json IS NOT OLD.json)
BEGIN
  SELECT RAISE(ABORT, 'an archived run cannot be changed');
END;
CREATE TRIGGER runs_kept BEFORE DELETE ON runs
WHEN OLD.ended_at IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'an archived run cannot be deleted');
END;

-- Running counts of a run, and the verdicts on its streams (JSON) once their passes are closed: a takeover goes on from here.
CREATE TABLE run_streams (
  run_uid   TEXT NOT NULL,
  stream    TEXT NOT NULL,
  record    TEXT NOT NULL,
  pages     INTEGER NOT NULL DEFAULT 0,
  fetched   INTEGER NOT NULL DEFAULT 0,
  created   INTEGER NOT NULL DEFAULT 0,
  updated   INTEGER NOT NULL DEFAULT 0,
  unchanged INTEGER NOT NULL DEFAULT 0,
  deleted   INTEGER NOT NULL DEFAULT 0,
  failed    INTEGER NOT NULL DEFAULT 0,
  verdict   TEXT,
  PRIMARY KEY (run_uid, stream)
) STRICT, WITHOUT ROWID;

CREATE TABLE streams (
  id           INTEGER PRIMARY KEY,
  system       TEXT NOT NULL,
  stream       TEXT NOT NULL,
  record       TEXT NOT NULL,
  fingerprint  TEXT NOT NULL,
  -- Start of its newest complete full pass.
  last_full_at TEXT,
  UNIQUE (system, stream)
) STRICT;

-- A scope and where its next incremental reading starts.
CREATE TABLE scopes (
  id        INTEGER PRIMARY KEY,
  stream_id INTEGER NOT NULL REFERENCES streams (id),
  scope     TEXT NOT NULL,
  cursor    TEXT,
  UNIQUE (stream_id, scope)
) STRICT;

-- Pass ids only grow: "not seen in this pass" is "last seen in an older pass".
CREATE TABLE passes (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  stream_id   INTEGER NOT NULL REFERENCES streams (id),
  run_uid     TEXT NOT NULL,
  mode        TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  started_at  TEXT NOT NULL,
  closed_at   TEXT,
  fetched     INTEGER NOT NULL DEFAULT 0,
  set_aside   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX passes_open ON passes (stream_id) WHERE closed_at IS NULL;

CREATE TABLE pass_scopes (
  pass_id    INTEGER NOT NULL REFERENCES passes (id),
  scope_id   INTEGER NOT NULL REFERENCES scopes (id),
  checkpoint TEXT,
  -- A row without a readable id was set aside here: absence proves nothing in this pass.
  tainted    INTEGER NOT NULL DEFAULT 0,
  -- Full, Window or unverified; null while the scope is being read.
  verdict    TEXT,
  reason     TEXT,
  evidence   TEXT,
  ended_at   TEXT,
  -- The attempt of a run that gave the verdict.
  ended_by   TEXT,
  -- Where the next incremental reading starts, once the pass is closed.
  cursor     TEXT,
  PRIMARY KEY (pass_id, scope_id)
) STRICT, WITHOUT ROWID;

-- Which pass last saw which record in which scope: narrow, so that unchanged records are not rewritten. An id that stands in
-- several scopes has a row for each.
CREATE TABLE sightings (
  stream_id   INTEGER NOT NULL,
  external_id TEXT NOT NULL,
  scope_id    INTEGER NOT NULL,
  pass_id     INTEGER NOT NULL,
  PRIMARY KEY (stream_id, external_id, scope_id)
) STRICT, WITHOUT ROWID;

-- Ids that the vendor itself stated as gone and that were not seen again since. They wait here until they were deleted.
CREATE TABLE removals (
  stream_id   INTEGER NOT NULL,
  external_id TEXT NOT NULL,
  PRIMARY KEY (stream_id, external_id)
) STRICT, WITHOUT ROWID;

-- What was deleted when, for the budget over 24 hours.
CREATE TABLE deletions (
  id         INTEGER PRIMARY KEY,
  system     TEXT NOT NULL,
  scope_id   INTEGER NOT NULL,
  run_uid    TEXT NOT NULL,
  deleted_at TEXT NOT NULL,
  records    INTEGER NOT NULL
) STRICT;
CREATE INDEX deletions_recent ON deletions (system, deleted_at);

-- Rows that did not fit, with reason and path; secrets are taken out before they get here.
CREATE TABLE quarantine (
  id          INTEGER PRIMARY KEY,
  stream_id   INTEGER NOT NULL REFERENCES streams (id),
  external_id TEXT,
  reason      TEXT NOT NULL,
  path        TEXT NOT NULL,
  raw         TEXT NOT NULL,
  run_uid     TEXT NOT NULL,
  set_aside_at TEXT NOT NULL,
  -- Of the raw row, where there is no id to know it by: the same row is kept once.
  raw_hash    TEXT
) STRICT;
CREATE UNIQUE INDEX quarantine_record ON quarantine (stream_id, external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX quarantine_row ON quarantine (stream_id, raw_hash) WHERE external_id IS NULL;
