-- Times are milliseconds since 1970 UTC unless a name ends in _s (seconds).
-- Small rows that every request reads are WITHOUT ROWID: one look-up instead of two.
-- Wrapped keys and public keys are kept in their wire encoding, in tables of their own.

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- Not WITHOUT ROWID: its rows are too long for an index page, and every look-up would read the file.
CREATE TABLE apps (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    disabled_ms BIGINT,
    name TEXT NOT NULL,
    public_token_hash TEXT NOT NULL UNIQUE,
    secret_token_hash TEXT NOT NULL UNIQUE,
    admin_token_hash TEXT NOT NULL UNIQUE,
    options TEXT NOT NULL,
    file_options TEXT NOT NULL,
    group_options TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE app_jwt_keys (
    kid TEXT NOT NULL PRIMARY KEY,
    app_id TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    alg TEXT NOT NULL,
    verify_key TEXT NOT NULL,
    sign_key_sealed TEXT NOT NULL,
    created_ms BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX app_jwt_keys_app ON app_jwt_keys (app_id, created_ms);

CREATE TABLE directory_users (
    id TEXT NOT NULL PRIMARY KEY,
    app_id TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    created_ms BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX directory_users_app ON directory_users (app_id, created_ms, id);

CREATE TABLE groups (
    id TEXT NOT NULL PRIMARY KEY,
    app_id TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    kind INTEGER NOT NULL,
    parent_id TEXT REFERENCES groups (id) ON DELETE CASCADE,
    is_connected BOOLEAN NOT NULL,
    invites_open BOOLEAN NOT NULL,
    created_ms BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX groups_parent ON groups (parent_id, created_ms, id);
CREATE INDEX groups_app ON groups (app_id);

CREATE TABLE group_members (
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL,
    member_type INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    joined_ms BIGINT NOT NULL,
    group_created_ms BIGINT NOT NULL,
    PRIMARY KEY (group_id, member_id)
) WITHOUT ROWID;
CREATE INDEX group_members_page ON group_members (group_id, joined_ms, member_id);
CREATE INDEX group_members_of ON group_members (member_id, group_created_ms, group_id);

CREATE TABLE group_keys (
    id TEXT NOT NULL PRIMARY KEY,
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    created_ms BIGINT NOT NULL,
    group_key_alg TEXT NOT NULL,
    keypair_encrypt_alg TEXT NOT NULL,
    keypair_sign_alg TEXT,
    signed_by_user_id TEXT,
    signed_by_user_sign_key_id TEXT,
    public_group_key TEXT NOT NULL,
    encrypted_private_group_key TEXT NOT NULL,
    verify_key TEXT,
    encrypted_sign_key TEXT,
    public_key_sig TEXT,
    group_key_sig TEXT
);
CREATE INDEX group_keys_group ON group_keys (group_id, created_ms, id);

CREATE TABLE group_member_keys (
    member_id TEXT NOT NULL,
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    key_created_ms BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    encrypted_group_key_alg TEXT NOT NULL,
    user_public_key_id TEXT NOT NULL,
    encrypted_group_key TEXT NOT NULL,
    PRIMARY KEY (member_id, group_id, key_created_ms, key_id)
);
CREATE INDEX group_member_keys_group ON group_member_keys (group_id);

CREATE TABLE group_search_keys (
    id TEXT NOT NULL PRIMARY KEY,
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    kind INTEGER NOT NULL,
    alg TEXT NOT NULL,
    encryption_key_id TEXT NOT NULL,
    encrypted_key TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX group_search_keys_group ON group_search_keys (group_id, kind, created_ms);

CREATE TABLE group_invites (
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    member_type INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (group_id, member_id, kind)
) WITHOUT ROWID;
CREATE INDEX group_invites_of ON group_invites (member_id, kind, created_ms, group_id);

CREATE TABLE group_key_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL,
    created_ms BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX group_key_sessions_member ON group_key_sessions (group_id, member_id);

CREATE TABLE key_users (
    id TEXT NOT NULL PRIMARY KEY REFERENCES directory_users (id) ON DELETE CASCADE,
    app_id TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    user_group_id TEXT NOT NULL REFERENCES groups (id),
    created_ms BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX key_users_app ON key_users (app_id);
CREATE INDEX key_users_group ON key_users (user_group_id);

-- generation: 3 = registered by a client of the npm 0.3.1 kind, 15 = by a client of today (sentc.md section 14).
-- valid_from_ms: tokens issued before are dead (forced end of sessions).
CREATE TABLE key_devices (
    id TEXT NOT NULL PRIMARY KEY,
    app_id TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES key_users (id) ON DELETE CASCADE,
    user_group_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    valid_from_ms BIGINT NOT NULL,
    identifier_hash TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (app_id, identifier_hash)
) WITHOUT ROWID;
CREATE INDEX key_devices_user ON key_devices (user_id, created_ms, id);

CREATE TABLE key_device_keys (
    device_id TEXT NOT NULL PRIMARY KEY REFERENCES key_devices (id) ON DELETE CASCADE,
    derived_alg TEXT NOT NULL,
    client_random_value TEXT NOT NULL,
    hashed_authentication_key TEXT NOT NULL,
    master_key_alg TEXT NOT NULL,
    encrypted_master_key TEXT NOT NULL,
    encrypted_master_key_alg TEXT NOT NULL,
    keypair_encrypt_alg TEXT NOT NULL,
    keypair_sign_alg TEXT NOT NULL,
    public_key TEXT NOT NULL,
    verify_key TEXT NOT NULL,
    encrypted_private_key TEXT NOT NULL,
    encrypted_sign_key TEXT NOT NULL
);

CREATE TABLE key_refresh_tokens (
    token_hash TEXT NOT NULL PRIMARY KEY,
    device_id TEXT NOT NULL REFERENCES key_devices (id) ON DELETE CASCADE,
    created_ms BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX key_refresh_tokens_device ON key_refresh_tokens (device_id, created_ms);
CREATE INDEX key_refresh_tokens_age ON key_refresh_tokens (created_ms);

CREATE TABLE key_challenges (
    token_hash TEXT NOT NULL PRIMARY KEY,
    device_id TEXT NOT NULL REFERENCES key_devices (id) ON DELETE CASCADE,
    created_ms BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX key_challenges_device ON key_challenges (device_id);
CREATE INDEX key_challenges_age ON key_challenges (created_ms);
