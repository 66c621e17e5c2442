-- SPDX-License-Identifier: Apache-2.0
-- How many rows of a stream are set aside, by the beginning of the reason. Kept by the transactions that change the quarantine: it is
-- asked for at every look at a system.

CREATE TABLE quarantine_reasons (
  stream_id bigint NOT NULL REFERENCES streams (id),
  reason    text COLLATE "C" NOT NULL,
  rows      bigint NOT NULL,
  PRIMARY KEY (stream_id, reason)
);
CREATE INDEX quarantine_reasons_most ON quarantine_reasons (stream_id, rows);
INSERT INTO quarantine_reasons
  SELECT stream_id, left(reason, 160), count(*) FROM quarantine GROUP BY stream_id, left(reason, 160);

CREATE FUNCTION count_quarantine() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO quarantine_reasons AS c VALUES (NEW.stream_id, left(NEW.reason, 160), 1)
      ON CONFLICT (stream_id, reason) DO UPDATE SET rows = c.rows + 1;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    UPDATE quarantine_reasons SET rows = rows - 1 WHERE stream_id = OLD.stream_id AND reason = left(OLD.reason, 160);
    DELETE FROM quarantine_reasons WHERE stream_id = OLD.stream_id AND reason = left(OLD.reason, 160) AND rows = 0;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER quarantine_counts AFTER INSERT OR DELETE ON quarantine
  FOR EACH ROW EXECUTE FUNCTION count_quarantine();
CREATE TRIGGER quarantine_counts_change AFTER UPDATE OF reason ON quarantine
  FOR EACH ROW WHEN (OLD.reason IS DISTINCT FROM NEW.reason) EXECUTE FUNCTION count_quarantine();

-- The newest rows of one system among those of many, and the oldest, which go first.
CREATE INDEX quarantine_newest ON quarantine (stream_id, id);
CREATE INDEX quarantine_age ON quarantine (stream_id, set_aside_at);
