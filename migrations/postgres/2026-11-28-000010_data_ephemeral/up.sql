-- Apps of the data API that anybody may make, and when they go.
CREATE TABLE data_ephemeral (
    app_id     TEXT   NOT NULL PRIMARY KEY REFERENCES apps (id) ON DELETE CASCADE,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX data_ephemeral_expires ON data_ephemeral (expires_ms);
