-- SPDX-License-Identifier: Apache-2.0
-- How many rows of a stream are set aside, by the beginning of the reason. Kept by the transactions that change the quarantine: it is
-- asked for at every look at a system.

CREATE TABLE quarantine_reasons (
  stream_id bigint NOT NULL REFERENCES streams (id),
  reason    text COLLATE "C" NOT NULL,
  rows      bigint NOT NULL,
  PRIMARY KEY (stream_id, reason)
);
INSERT INTO quarantine_reasons
  SELECT stream_id, left(reason, 160), count(*) FROM quarantine GROUP BY stream_id, left(reason, 160);

-- By statement: a purge deletes many rows in one, and each further change of one counter in a transaction takes longer than the one before.
CREATE FUNCTION count_quarantine() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO quarantine_reasons AS c
      SELECT stream_id, left(reason, 160), count(*) FROM came GROUP BY 1, 2
      ON CONFLICT (stream_id, reason) DO UPDATE SET rows = c.rows + excluded.rows;
    RETURN NULL;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    INSERT INTO quarantine_reasons AS c
      SELECT stream_id, reason, sum(n) FROM (
        SELECT stream_id, left(reason, 160) AS reason, 1 AS n FROM came
        UNION ALL SELECT stream_id, left(reason, 160), -1 FROM went
      ) AS changes GROUP BY 1, 2 HAVING sum(n) <> 0
      ON CONFLICT (stream_id, reason) DO UPDATE SET rows = c.rows + excluded.rows;
  ELSE
    UPDATE quarantine_reasons AS c SET rows = c.rows - g.n
      FROM (SELECT stream_id, left(reason, 160) AS reason, count(*) AS n FROM went GROUP BY 1, 2) AS g
      WHERE c.stream_id = g.stream_id AND c.reason = g.reason;
  END IF;
  DELETE FROM quarantine_reasons WHERE rows = 0 AND stream_id IN (SELECT stream_id FROM went);
  RETURN NULL;
END
$$;
CREATE TRIGGER quarantine_counts_in AFTER INSERT ON quarantine
  REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION count_quarantine();
CREATE TRIGGER quarantine_counts_change AFTER UPDATE ON quarantine
  REFERENCING NEW TABLE AS came OLD TABLE AS went FOR EACH STATEMENT EXECUTE FUNCTION count_quarantine();
CREATE TRIGGER quarantine_counts_out AFTER DELETE ON quarantine
  REFERENCING OLD TABLE AS went FOR EACH STATEMENT EXECUTE FUNCTION count_quarantine();

-- The newest rows of one system among those of many, and the oldest, which go first.
CREATE INDEX quarantine_newest ON quarantine (stream_id, id);
CREATE INDEX quarantine_age ON quarantine (stream_id, set_aside_at);
