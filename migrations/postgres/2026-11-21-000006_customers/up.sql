-- Customers (sentc.md section 2.1): users of the server's own app who own apps.

CREATE TABLE customers (
    id TEXT NOT NULL PRIMARY KEY REFERENCES key_users (id) ON DELETE CASCADE,
    email TEXT NOT NULL UNIQUE,
    email_valid BOOLEAN NOT NULL,
    email_sent_ms BIGINT NOT NULL,
    name TEXT NOT NULL,
    first_name TEXT NOT NULL,
    company TEXT,
    created_ms BIGINT NOT NULL
);

-- kind 0: confirms the address, 1: resets the password. One of each at a time.
CREATE TABLE customer_mail_tokens (
    customer_id TEXT NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    kind INTEGER NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (customer_id, kind)
);
CREATE INDEX customer_mail_tokens_age ON customer_mail_tokens (created_ms);

CREATE TABLE customer_captchas (
    id TEXT NOT NULL PRIMARY KEY,
    solution_sealed TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX customer_captchas_age ON customer_captchas (created_ms);

CREATE TABLE customer_groups (
    group_id TEXT NOT NULL PRIMARY KEY REFERENCES groups (id) ON DELETE CASCADE,
    name TEXT,
    description TEXT
);

-- An app belongs to a customer (owner_kind 0) or to a customer group (1).
CREATE TABLE customer_apps (
    app_id TEXT NOT NULL PRIMARY KEY REFERENCES apps (id) ON DELETE CASCADE,
    owner_id TEXT NOT NULL,
    owner_kind INTEGER NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX customer_apps_owner ON customer_apps (owner_id, created_ms, app_id);
