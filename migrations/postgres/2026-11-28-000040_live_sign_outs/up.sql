-- Users whose tokens another process has ended: every server ends their connections. Old rows are swept.
CREATE TABLE live_sign_outs (
    id TEXT NOT NULL PRIMARY KEY,
    app_id TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
