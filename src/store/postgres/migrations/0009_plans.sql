-- SPDX-License-Identifier: Apache-2.0
-- What runs of mode Plan keep. The inventory itself is not touched by them.

-- One row per stream of a plan. Their ids lie beyond those of all other passes: what a plan saw was seen last.
CREATE TABLE plan_passes (
  id              bigint GENERATED ALWAYS AS IDENTITY (START WITH 4503599627370497) PRIMARY KEY,
  system          text COLLATE "C" NOT NULL,
  run_uid         text COLLATE "C" NOT NULL,
  stream          text COLLATE "C" NOT NULL,
  record          text NOT NULL,
  -- That of the stream; of one that no run has read yet, the id of the pass, negative.
  stream_id       bigint NOT NULL DEFAULT 0,
  fetched         bigint NOT NULL DEFAULT 0,
  set_aside       bigint NOT NULL DEFAULT 0,
  set_aside_by_mapping bigint NOT NULL DEFAULT 0,
  -- Records that would live and do not, and those that would go.
  added           bigint NOT NULL DEFAULT 0,
  deleted         bigint NOT NULL DEFAULT 0,
  withheld_reason text,
  -- 1 once the tables that it works with are free of its rows.
  cleared         bigint NOT NULL DEFAULT 0,
  UNIQUE (run_uid, stream)
);
CREATE INDEX plan_passes_of_system ON plan_passes (system, id);

-- Laid over scopes, pass_scopes, sightings and removals while a plan runs; empty otherwise.
CREATE TABLE plan_scopes (
  pass_id   bigint NOT NULL,
  stream_id bigint NOT NULL,
  scope_id  bigint NOT NULL,
  scope     text COLLATE "C" NOT NULL,
  verdict   text,
  ended_by  text,
  PRIMARY KEY (pass_id, scope_id)
);
CREATE TABLE plan_sightings (
  stream_id    bigint NOT NULL,
  external_id  text COLLATE "C" NOT NULL,
  scope_id     bigint NOT NULL,
  pass_id      bigint NOT NULL,
  -- Number of the page that gave the hash: of several scopes the newest counts. Null for a row that was set aside.
  page         bigint NOT NULL,
  content_hash text,
  -- 1 for a record that would live and does not.
  added        bigint NOT NULL,
  PRIMARY KEY (stream_id, external_id, scope_id)
);
CREATE TABLE plan_removals (
  stream_id   bigint NOT NULL,
  external_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (stream_id, external_id)
);

-- What a person reads of a plan: in how many records which field would change, and some records of each kind.
CREATE TABLE plan_fields (
  pass_id bigint NOT NULL,
  field   text COLLATE "C" NOT NULL,
  records bigint NOT NULL,
  PRIMARY KEY (pass_id, field)
);
CREATE TABLE plan_samples (
  pass_id     bigint NOT NULL,
  number      bigint NOT NULL,
  action      text COLLATE "C" NOT NULL,
  external_id text COLLATE "C",
  name        text,
  -- JSON: fields with the value before and after.
  changes     text NOT NULL,
  reason      text,
  PRIMARY KEY (pass_id, action, number)
);
