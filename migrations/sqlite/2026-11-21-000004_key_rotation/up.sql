-- One row for each rotation of a group's key: what all members share. Kept, because rotations of a month are counted.
CREATE TABLE group_rotations (
    key_id TEXT NOT NULL PRIMARY KEY,
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    created_ms BIGINT NOT NULL,
    previous_group_key_id TEXT NOT NULL,
    ephemeral_alg TEXT NOT NULL,
    encrypted_group_key_by_ephemeral TEXT NOT NULL
);
CREATE INDEX group_rotations_group ON group_rotations (group_id, created_ms);

-- A rotation whose members have not all been served. It goes with the last of them, and the common ephemeral key with it.
-- position: the last member served, in the order of group_members_page. rounds: rises with every round, so that of two
-- nodes at the same round one wins.
CREATE TABLE group_rotation_jobs (
    key_id TEXT NOT NULL PRIMARY KEY REFERENCES group_rotations (key_id) ON DELETE CASCADE,
    encrypted_ephemeral_key TEXT NOT NULL,
    position_ms BIGINT NOT NULL,
    position_id TEXT NOT NULL,
    rounds BIGINT NOT NULL,
    claimed_by TEXT NOT NULL,
    claimed_ms BIGINT NOT NULL
);

-- A new group key that waits for a member: the ephemeral key encrypted for him, or why there is none.
CREATE TABLE group_rotation_keys (
    member_id TEXT NOT NULL,
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    key_created_ms BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    public_key_id TEXT NOT NULL,
    encrypted_ephemeral_key TEXT NOT NULL,
    error TEXT,
    PRIMARY KEY (member_id, group_id, key_created_ms, key_id)
);
CREATE INDEX group_rotation_keys_group ON group_rotation_keys (group_id);
