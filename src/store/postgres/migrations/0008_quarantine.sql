-- SPDX-License-Identifier: Apache-2.0
-- What a row that was set aside failed with, how often it came, and whether it can be read again.

-- Fingerprint of the reading: connector and its version, configuration, mapping, schema of the records. Empty for older rows.
ALTER TABLE quarantine ADD COLUMN revision TEXT NOT NULL DEFAULT '';
ALTER TABLE quarantine ADD COLUMN first_set_aside_at timestamptz;
ALTER TABLE quarantine ADD COLUMN times bigint NOT NULL DEFAULT 1;
-- Why the kept text is not the whole row; empty when it is.
ALTER TABLE quarantine ADD COLUMN unreplayable TEXT;
UPDATE quarantine SET first_set_aside_at = set_aside_at,
  unreplayable = 'it was kept by an older version, which did not say whether it is whole';

-- Of the rows that the pass set aside, those that the mapping of the owner did not fit.
ALTER TABLE passes ADD COLUMN set_aside_by_mapping bigint NOT NULL DEFAULT 0;
