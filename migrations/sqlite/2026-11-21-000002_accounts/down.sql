DROP TABLE key_mfa_recovery;
DROP TABLE key_mfa;
DROP TABLE key_pending_devices;
ALTER TABLE key_challenges DROP COLUMN second_factor;
ALTER TABLE key_devices DROP COLUMN sessions_ended_ms;
DROP INDEX key_refresh_tokens_id;
ALTER TABLE key_refresh_tokens DROP COLUMN last_used_ms;
ALTER TABLE key_refresh_tokens DROP COLUMN id;
