-- SPDX-License-Identifier: Apache-2.0
-- Whether any run came through with a generation of the spec is asked by each run that could not connect.

CREATE INDEX runs_that_read ON runs (system, system_uid, generation) WHERE phase IN ('Succeeded', 'PartiallySucceeded');
