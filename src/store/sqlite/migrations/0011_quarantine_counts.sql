-- SPDX-License-Identifier: Apache-2.0
-- How many rows of a stream are set aside, by the beginning of the reason. Kept by the transactions that change the quarantine: it is
-- asked for at every look at a system.

CREATE TABLE quarantine_reasons (
  stream_id INTEGER NOT NULL REFERENCES streams (id),
  reason    TEXT NOT NULL,
  rows      INTEGER NOT NULL,
  PRIMARY KEY (stream_id, reason)
) STRICT, WITHOUT ROWID;
INSERT INTO quarantine_reasons
  SELECT stream_id, substr(reason, 1, 160), count(*) FROM quarantine GROUP BY stream_id, substr(reason, 1, 160);

CREATE TRIGGER quarantine_counts_in AFTER INSERT ON quarantine BEGIN
  INSERT INTO quarantine_reasons VALUES (NEW.stream_id, substr(NEW.reason, 1, 160), 1)
    ON CONFLICT (stream_id, reason) DO UPDATE SET rows = rows + 1;
END;
CREATE TRIGGER quarantine_counts_out AFTER DELETE ON quarantine BEGIN
  UPDATE quarantine_reasons SET rows = rows - 1 WHERE stream_id = OLD.stream_id AND reason = substr(OLD.reason, 1, 160);
  DELETE FROM quarantine_reasons WHERE stream_id = OLD.stream_id AND reason = substr(OLD.reason, 1, 160) AND rows = 0;
END;
CREATE TRIGGER quarantine_counts_change AFTER UPDATE OF reason ON quarantine WHEN OLD.reason IS NOT NEW.reason BEGIN
  INSERT INTO quarantine_reasons VALUES (NEW.stream_id, substr(NEW.reason, 1, 160), 1)
    ON CONFLICT (stream_id, reason) DO UPDATE SET rows = rows + 1;
  UPDATE quarantine_reasons SET rows = rows - 1 WHERE stream_id = OLD.stream_id AND reason = substr(OLD.reason, 1, 160);
  DELETE FROM quarantine_reasons WHERE stream_id = OLD.stream_id AND reason = substr(OLD.reason, 1, 160) AND rows = 0;
END;

-- The newest rows of one system among those of many, and the oldest, which go first.
CREATE INDEX quarantine_newest ON quarantine (stream_id, id);
CREATE INDEX quarantine_age ON quarantine (stream_id, set_aside_at);
