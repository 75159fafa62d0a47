-- Sessions: each refresh token has an id, which its JWTs carry (claim `sid`) and its owner sees in his list.
ALTER TABLE key_refresh_tokens ADD COLUMN id TEXT NOT NULL DEFAULT '';
ALTER TABLE key_refresh_tokens ADD COLUMN last_used_ms BIGINT NOT NULL DEFAULT 0;
UPDATE key_refresh_tokens SET id = lower(hex(randomblob(16))), last_used_ms = created_ms;
CREATE UNIQUE INDEX key_refresh_tokens_id ON key_refresh_tokens (id);

-- JWTs of the device issued before are good only while their session is there.
ALTER TABLE key_devices ADD COLUMN sessions_ended_ms BIGINT NOT NULL DEFAULT 0;

-- True when the second factor had been given before the challenge was made.
ALTER TABLE key_challenges ADD COLUMN second_factor BOOLEAN NOT NULL DEFAULT FALSE;

-- Devices that wait for one of the user's devices to let them in.
CREATE TABLE key_pending_devices (
    id TEXT NOT NULL PRIMARY KEY,
    app_id TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    token_hash TEXT NOT NULL UNIQUE,
    identifier_hash TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
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
    encrypted_sign_key TEXT NOT NULL,
    UNIQUE (app_id, identifier_hash)
);
CREATE INDEX key_pending_devices_age ON key_pending_devices (created_ms);

-- Second factors. state: 0 in force, 1 waits for its first code. last_step: the last time step whose code was accepted.
CREATE TABLE key_mfa (
    user_id TEXT NOT NULL REFERENCES key_users (id) ON DELETE CASCADE,
    state INTEGER NOT NULL,
    last_step BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    secret_sealed TEXT NOT NULL,
    PRIMARY KEY (user_id, state)
) WITHOUT ROWID;

CREATE TABLE key_mfa_recovery (
    user_id TEXT NOT NULL REFERENCES key_users (id) ON DELETE CASCADE,
    state INTEGER NOT NULL,
    number INTEGER NOT NULL,
    key_hash TEXT NOT NULL,
    key_sealed TEXT NOT NULL,
    PRIMARY KEY (user_id, state, number)
) WITHOUT ROWID;
