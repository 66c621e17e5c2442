-- SPDX-License-Identifier: Apache-2.0
-- After a restored backup, runs that stood in the cluster only were archived again from there.

ALTER TABLE runs ADD COLUMN recovered smallint NOT NULL DEFAULT 0;
