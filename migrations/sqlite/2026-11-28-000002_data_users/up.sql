-- Sign-in of the data API's users (instant.md section 8).

-- Codes sent by mail, good once. The address and the code are SHA-256 in hex.
CREATE TABLE data_magic_codes (
    app_id     TEXT   NOT NULL REFERENCES data_apps (app_id) ON DELETE CASCADE,
    email_hash TEXT   NOT NULL,
    code_hash  TEXT   NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    PRIMARY KEY (app_id, email_hash, code_hash)
);
CREATE INDEX data_magic_codes_expires ON data_magic_codes (expires_ms);

-- How many codes of an address were made or tried since a time.
CREATE TABLE data_code_counts (
    app_id     TEXT   NOT NULL REFERENCES data_apps (app_id) ON DELETE CASCADE,
    email_hash TEXT   NOT NULL,
    -- 'made' or 'tried'
    what       TEXT   NOT NULL,
    started_ms BIGINT NOT NULL,
    count      BIGINT NOT NULL,
    PRIMARY KEY (app_id, email_hash, what)
);
CREATE INDEX data_code_counts_started ON data_code_counts (started_ms);

-- Addresses that always have one code, for tests and app stores' reviewers.
CREATE TABLE data_test_users (
    app_id     TEXT   NOT NULL REFERENCES data_apps (app_id) ON DELETE CASCADE,
    email      TEXT   NOT NULL,
    code       TEXT   NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (app_id, email)
);
