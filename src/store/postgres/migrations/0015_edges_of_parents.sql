-- SPDX-License-Identifier: Apache-2.0
-- Edges of a parent are looked up when its list was read to its end: the rows that live, by the parent that stands in them.

CREATE INDEX memberships_of_parent ON memberships (system, stream, group_id) WHERE deleted_at IS NULL;
CREATE INDEX relationships_of_parent ON relationships (system, stream, parent_id) WHERE deleted_at IS NULL;
CREATE INDEX role_assignments_of_parent ON role_assignments (system, stream, source_id) WHERE deleted_at IS NULL;
