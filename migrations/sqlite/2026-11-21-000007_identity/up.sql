-- What happened to accounts and who did it. No keys of other tables: an entry outlives whom it names.
CREATE TABLE audit_log (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    app_id TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    event TEXT NOT NULL,
    actor_id TEXT,
    subject_id TEXT,
    ip TEXT,
    detail TEXT
);
CREATE INDEX audit_log_app ON audit_log (app_id, id);
CREATE INDEX audit_log_subject ON audit_log (app_id, subject_id, id);
CREATE INDEX audit_log_age ON audit_log (at_ms);

-- The identity API. Numeric ids are on its wire; uuid is the directory's user id.
-- email as it was sent; email_key is what must be unique: lower case.
-- password_expires_ms: end of a temporary password that a reset has shown.
CREATE TABLE iam_users (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE REFERENCES directory_users (id) ON DELETE CASCADE,
    app_id TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    password_expires_ms BIGINT,
    avatar TEXT,
    permissions TEXT,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    role TEXT NOT NULL,
    email_verified BOOLEAN NOT NULL,
    is_active BOOLEAN NOT NULL,
    last_login_ms BIGINT,
    created_ms BIGINT NOT NULL,
    deleted_ms BIGINT,
    updated_ms BIGINT,
    UNIQUE (app_id, email_key)
);
CREATE INDEX iam_users_page ON iam_users (app_id, id);
CREATE INDEX iam_users_role ON iam_users (app_id, role);

CREATE TABLE iam_provider_users (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    app_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    provider_user_id TEXT NOT NULL,
    user_uuid TEXT NOT NULL REFERENCES iam_users (uuid) ON DELETE CASCADE,
    created_ms BIGINT NOT NULL,
    UNIQUE (app_id, provider, provider_user_id)
);
CREATE INDEX iam_provider_users_user ON iam_provider_users (user_uuid);

-- id stands in the session's access tokens; sid and csrf token are derived from it and rest as SHA-256.
CREATE TABLE iam_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    user_uuid TEXT NOT NULL REFERENCES iam_users (uuid) ON DELETE CASCADE,
    sid_hash TEXT NOT NULL UNIQUE,
    csrf_hash TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    start_ms BIGINT NOT NULL,
    renewed_ms BIGINT NOT NULL,
    end_ms BIGINT,
    ip TEXT,
    network TEXT,
    user_agent TEXT
) WITHOUT ROWID;
CREATE INDEX iam_sessions_user ON iam_sessions (user_uuid, start_ms);
CREATE INDEX iam_sessions_age ON iam_sessions (renewed_ms);

-- token_id is the jti of a signed token, not the token. replaced_ms and successor: how a renewal ended it.
CREATE TABLE iam_refresh_tokens (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    token_id TEXT NOT NULL UNIQUE,
    app_id TEXT NOT NULL,
    user_uuid TEXT NOT NULL REFERENCES iam_users (uuid) ON DELETE CASCADE,
    session_id TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT,
    replaced_ms BIGINT,
    successor TEXT
);
CREATE INDEX iam_refresh_tokens_page ON iam_refresh_tokens (app_id, id);
CREATE INDEX iam_refresh_tokens_user ON iam_refresh_tokens (user_uuid, is_active);
CREATE INDEX iam_refresh_tokens_age ON iam_refresh_tokens (created_ms);

-- Links in mails. token_id is the jti of a signed token; it works while used_ms is empty.
CREATE TABLE iam_one_time_tokens (
    token_id TEXT NOT NULL PRIMARY KEY,
    user_uuid TEXT NOT NULL REFERENCES iam_users (uuid) ON DELETE CASCADE,
    token_type TEXT NOT NULL,
    expires_ms BIGINT NOT NULL,
    used_ms BIGINT,
    created_ms BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX iam_one_time_tokens_user ON iam_one_time_tokens (user_uuid, token_type, created_ms);
CREATE INDEX iam_one_time_tokens_age ON iam_one_time_tokens (expires_ms);
