-- Durable text streams (instant.md section 11). A row lives as long as the `$streams` entity of its id.
CREATE TABLE data_streams (
    app_id       TEXT    NOT NULL REFERENCES data_apps (app_id) ON DELETE CASCADE,
    stream_id    TEXT    NOT NULL,
    client_id    TEXT    NOT NULL,
    -- SHA-256 in hex of what its writer comes back with
    token_hash   TEXT    NOT NULL,
    -- bytes of UTF-8
    size         BIGINT  NOT NULL,
    done         BOOLEAN NOT NULL,
    abort_reason TEXT,
    created_ms   BIGINT  NOT NULL,
    PRIMARY KEY (app_id, stream_id)
);
CREATE UNIQUE INDEX data_streams_client ON data_streams (app_id, client_id);

-- The text, in the pieces in which it came, each by the offset at which it ends.
CREATE TABLE data_stream_chunks (
    app_id     TEXT   NOT NULL,
    stream_id  TEXT   NOT NULL,
    end_offset BIGINT NOT NULL,
    content    TEXT   NOT NULL,
    PRIMARY KEY (app_id, stream_id, end_offset),
    FOREIGN KEY (app_id, stream_id) REFERENCES data_streams (app_id, stream_id) ON DELETE CASCADE
);
