-- SPDX-License-Identifier: Apache-2.0
-- What the operator itself keeps. The record tables are in 0002, generated from the schemas.

CREATE TABLE meta (
  key   text PRIMARY KEY,
  value text NOT NULL
);

-- One row per namespace/name that ever ran: its fence (null when no run holds it), its source, the head of its chain.
CREATE TABLE systems (
  system        text COLLATE "C" PRIMARY KEY,
  source        text,
  fence_run_uid text,
  fence_attempt bigint,
  sequence      bigint NOT NULL DEFAULT 0,
  digest        text,
  demo          smallint NOT NULL DEFAULT 0,
  -- Since then every stream has had a complete full pass.
  full_at       timestamptz
);

-- What scheduling and status ask of one object again and again, kept by the transactions that change it: the archive only grows.
CREATE TABLE system_objects (
  system               text COLLATE "C" NOT NULL,
  system_uid           text COLLATE "C" NOT NULL,
  last_run_uid         text,
  verdict_run_uid      text,
  last_success_at      timestamptz,
  last_failure_at      timestamptz,
  consecutive_failures bigint NOT NULL DEFAULT 0,
  last_slot            timestamptz,
  last_started_at      timestamptz,
  PRIMARY KEY (system, system_uid)
);

-- Open runs (ended_at is null) and the archive in one table: ending a run and archiving it are one write.
CREATE TABLE runs (
  run_uid         text COLLATE "C" PRIMARY KEY,
  system          text COLLATE "C" NOT NULL,
  system_uid      text COLLATE "C" NOT NULL,
  generation      bigint NOT NULL,
  run_name        text COLLATE "C" NOT NULL,
  attempt         bigint NOT NULL,
  worker          text NOT NULL,
  mode            text NOT NULL,
  "trigger"       text NOT NULL,
  slot            timestamptz,
  correlation_id  text NOT NULL,
  started_at      timestamptz NOT NULL,
  ended_at        timestamptz,
  phase           text,
  failure_code    text,
  sequence        bigint,
  previous_digest text,
  digest          text,
  json            text,
  pruned          smallint NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX runs_slot ON runs (system_uid, slot) WHERE slot IS NOT NULL;
CREATE UNIQUE INDEX runs_chain ON runs (system, sequence) WHERE sequence IS NOT NULL;
CREATE INDEX runs_unpruned ON runs (system, sequence) WHERE pruned = 0;
CREATE INDEX runs_name ON runs (system, run_name);
CREATE INDEX runs_open ON runs (system) WHERE ended_at IS NULL;

-- Of an archived run only the mark that it was pruned from the cluster may change.
CREATE FUNCTION keep_archived_run() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  kept runs%ROWTYPE;
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'an archived run cannot be deleted';
  END IF;
  kept := OLD;
  kept.pruned := NEW.pruned;
  IF NEW IS DISTINCT FROM kept THEN
    RAISE EXCEPTION 'an archived run cannot be changed';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER runs_kept BEFORE UPDATE OR DELETE ON runs
FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL) EXECUTE FUNCTION keep_archived_run();

CREATE FUNCTION keep_archive() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'an archived run cannot be deleted';
END
$$;
CREATE TRIGGER runs_not_truncated BEFORE TRUNCATE ON runs
FOR EACH STATEMENT EXECUTE FUNCTION keep_archive();

-- Running counts of a run, and the verdicts on its streams (JSON) once their passes are closed: a takeover goes on from here.
CREATE TABLE run_streams (
  run_uid   text COLLATE "C" NOT NULL,
  stream    text COLLATE "C" NOT NULL,
  record    text NOT NULL,
  pages     bigint NOT NULL DEFAULT 0,
  fetched   bigint NOT NULL DEFAULT 0,
  created   bigint NOT NULL DEFAULT 0,
  updated   bigint NOT NULL DEFAULT 0,
  unchanged bigint NOT NULL DEFAULT 0,
  deleted   bigint NOT NULL DEFAULT 0,
  failed    bigint NOT NULL DEFAULT 0,
  verdict   text,
  PRIMARY KEY (run_uid, stream)
);

CREATE TABLE streams (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  system       text COLLATE "C" NOT NULL,
  stream       text COLLATE "C" NOT NULL,
  record       text NOT NULL,
  fingerprint  text NOT NULL,
  -- Start of its newest complete full pass.
  last_full_at timestamptz,
  UNIQUE (system, stream)
);

-- A scope and where its next incremental reading starts.
CREATE TABLE scopes (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  stream_id bigint NOT NULL REFERENCES streams (id),
  scope     text COLLATE "C" NOT NULL,
  cursor    text,
  UNIQUE (stream_id, scope)
);

-- Pass ids only grow: "not seen in this pass" is "last seen in an older pass".
CREATE TABLE passes (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  stream_id   bigint NOT NULL REFERENCES streams (id),
  run_uid     text COLLATE "C" NOT NULL,
  mode        text NOT NULL,
  fingerprint text NOT NULL,
  started_at  timestamptz NOT NULL,
  closed_at   timestamptz,
  fetched     bigint NOT NULL DEFAULT 0,
  set_aside   bigint NOT NULL DEFAULT 0
);
CREATE INDEX passes_open ON passes (stream_id) WHERE closed_at IS NULL;

CREATE TABLE pass_scopes (
  pass_id    bigint NOT NULL REFERENCES passes (id),
  scope_id   bigint NOT NULL REFERENCES scopes (id),
  checkpoint text,
  -- A row without a readable id was set aside here: absence proves nothing in this pass.
  tainted    smallint NOT NULL DEFAULT 0,
  -- Full, Window or unverified; null while the scope is being read.
  verdict    text,
  reason     text,
  evidence   text,
  ended_at   timestamptz,
  -- The attempt of a run that gave the verdict.
  ended_by   text,
  -- Where the next incremental reading starts, once the pass is closed.
  cursor     text,
  PRIMARY KEY (pass_id, scope_id)
);

-- Which pass last saw which record in which scope: narrow, so that unchanged records are not rewritten. An id that stands in
-- several scopes has a row for each.
CREATE TABLE sightings (
  stream_id   bigint NOT NULL,
  external_id text COLLATE "C" NOT NULL,
  scope_id    bigint NOT NULL,
  pass_id     bigint NOT NULL,
  PRIMARY KEY (stream_id, external_id, scope_id)
);

-- Ids that the vendor itself stated as gone and that were not seen again since. They wait here until they were deleted.
CREATE TABLE removals (
  stream_id   bigint NOT NULL,
  external_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (stream_id, external_id)
);

-- What was deleted when, for the budget over 24 hours.
CREATE TABLE deletions (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  system     text COLLATE "C" NOT NULL,
  scope_id   bigint NOT NULL,
  run_uid    text COLLATE "C" NOT NULL,
  deleted_at timestamptz NOT NULL,
  records    bigint NOT NULL
);
CREATE INDEX deletions_recent ON deletions (system, deleted_at);

-- Rows that did not fit, with reason and path; secrets are taken out before they get here.
CREATE TABLE quarantine (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  stream_id   bigint NOT NULL REFERENCES streams (id),
  external_id text COLLATE "C",
  reason      text NOT NULL,
  path        text NOT NULL,
  raw         text NOT NULL,
  run_uid     text COLLATE "C" NOT NULL,
  set_aside_at timestamptz NOT NULL,
  -- Of the raw row, where there is no id to know it by: the same row is kept once.
  raw_hash    text
);
CREATE UNIQUE INDEX quarantine_record ON quarantine (stream_id, external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX quarantine_row ON quarantine (stream_id, raw_hash) WHERE external_id IS NULL;
