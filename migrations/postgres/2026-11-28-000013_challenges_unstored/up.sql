-- A login challenge proves itself (docs/adr/0017); what is left to know is which of them are dead.
DROP TABLE key_challenges;
ALTER TABLE key_devices ADD COLUMN challenges_after_ms BIGINT NOT NULL DEFAULT 0;
