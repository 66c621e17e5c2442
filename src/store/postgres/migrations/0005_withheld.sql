-- SPDX-License-Identifier: Apache-2.0
-- Records that look gone since the newest complete full pass of the stream, and stay because the deletion budget was passed.

ALTER TABLE streams ADD COLUMN withheld INTEGER NOT NULL DEFAULT 0;
