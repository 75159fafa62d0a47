ALTER TABLE key_devices DROP COLUMN challenges_after_ms;
CREATE TABLE key_challenges (
    token_hash TEXT NOT NULL PRIMARY KEY,
    device_id TEXT NOT NULL REFERENCES key_devices (id) ON DELETE CASCADE,
    created_ms BIGINT NOT NULL,
    second_factor BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX key_challenges_device ON key_challenges (device_id);
CREATE INDEX key_challenges_age ON key_challenges (created_ms);
