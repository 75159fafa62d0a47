-- Transactions that came over a connection: a client that has not heard the answer sends them again under the same id, and
-- they must not be done again. Old rows are swept.
CREATE TABLE live_events (
    app_id TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    event_id TEXT NOT NULL,
    tx_id BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (app_id, event_id)
);
CREATE INDEX live_events_created ON live_events (created_ms);
