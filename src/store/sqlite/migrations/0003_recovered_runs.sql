-- SPDX-License-Identifier: Apache-2.0
-- After a restored backup, runs that stood in the cluster only were archived again from there.

ALTER TABLE runs ADD COLUMN recovered INTEGER NOT NULL DEFAULT 0;
CREATE TRIGGER runs_recovered_frozen BEFORE UPDATE OF recovered ON runs
WHEN OLD.ended_at IS NOT NULL AND NEW.recovered IS NOT OLD.recovered
BEGIN
  SELECT RAISE(ABORT, 'an archived run cannot be changed');
END;
