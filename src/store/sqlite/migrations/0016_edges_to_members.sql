-- SPDX-License-Identifier: Apache-2.0
-- Edges to a member that the vendor states as gone are looked up: the rows that live, by the member that stands in them.
-- The end stands first in both indexes, so that neither serves for the other: a planner that has not counted its tables takes one for as
-- good as the other when they begin with the same columns, and then goes through every edge of the stream.

DROP INDEX memberships_of_parent;
CREATE INDEX memberships_of_parent ON memberships (group_id, system, stream) WHERE deleted_at IS NULL;
CREATE INDEX memberships_of_member ON memberships (member_id, system, stream) WHERE deleted_at IS NULL;
