-- Join requests to a group are listed by time: rows of group_invites with kind 1.
CREATE INDEX group_invites_page ON group_invites (group_id, kind, created_ms, member_id);

-- Who belongs to a group, without a column of its own: a user or a group as member has a row in group_members
-- (member_type 0, 2; devices of a user group 3); the parent of a child group has none, groups.parent_id names it. Keys
-- that the parent opens are rows of group_member_keys with the parent's id as member_id.
