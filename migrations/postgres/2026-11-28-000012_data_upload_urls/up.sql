-- Signed addresses for uploads that have been used, kept until they are too old to be used again.
CREATE TABLE data_used_urls (
    id         TEXT   NOT NULL PRIMARY KEY,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX data_used_urls_expires ON data_used_urls (expires_ms);
