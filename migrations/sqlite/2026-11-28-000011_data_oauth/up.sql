-- Sign-in of the data API's users with OpenID providers (instant.md section 18). Secrets are SHA-256 in hex.

-- Logins that are at a provider.
CREATE TABLE data_oauth_logins (
    state_hash       TEXT   NOT NULL PRIMARY KEY,
    app_id           TEXT   NOT NULL REFERENCES data_apps (app_id) ON DELETE CASCADE,
    provider         TEXT   NOT NULL,
    cookie_hash      TEXT   NOT NULL,
    nonce            TEXT   NOT NULL,
    -- where the app wants its code, with what it wants back there
    redirect_uri     TEXT   NOT NULL,
    client_state     TEXT,
    -- RFC 7636, 'S256' or 'plain'
    challenge        TEXT,
    challenge_method TEXT,
    expires_ms       BIGINT NOT NULL
);
CREATE INDEX data_oauth_logins_expires ON data_oauth_logins (expires_ms);

-- Codes that an app's page gives for a token, once.
CREATE TABLE data_oauth_codes (
    code_hash        TEXT   NOT NULL PRIMARY KEY,
    app_id           TEXT   NOT NULL REFERENCES data_apps (app_id) ON DELETE CASCADE,
    provider         TEXT   NOT NULL,
    subject          TEXT   NOT NULL,
    email            TEXT   NOT NULL,
    picture          TEXT,
    challenge        TEXT,
    challenge_method TEXT,
    expires_ms       BIGINT NOT NULL
);
CREATE INDEX data_oauth_codes_expires ON data_oauth_codes (expires_ms);

-- Who somebody is at a provider.
CREATE TABLE data_oauth_links (
    app_id     TEXT   NOT NULL REFERENCES data_apps (app_id) ON DELETE CASCADE,
    provider   TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (app_id, provider, subject)
);
CREATE INDEX data_oauth_links_user ON data_oauth_links (app_id, user_id);
