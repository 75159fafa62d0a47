-- Webhooks of the data API (instant.md section 12): who is told of which changes.
CREATE TABLE data_webhooks (
    id              TEXT   NOT NULL PRIMARY KEY,
    app_id          TEXT   NOT NULL REFERENCES data_apps (app_id) ON DELETE CASCADE,
    url             TEXT   NOT NULL,
    -- JSON lists
    namespaces      TEXT   NOT NULL,
    actions         TEXT   NOT NULL,
    -- 'active' or 'disabled'
    status          TEXT   NOT NULL,
    disabled_reason TEXT,
    created_ms      BIGINT NOT NULL,
    updated_ms      BIGINT NOT NULL
);
CREATE INDEX data_webhooks_app ON data_webhooks (app_id, created_ms);

-- What a transaction changed for a webhook, written in that transaction; old rows are swept.
CREATE TABLE data_webhook_events (
    webhook_id TEXT   NOT NULL REFERENCES data_webhooks (id) ON DELETE CASCADE,
    tx_id      BIGINT NOT NULL,
    -- 'pending', 'processing', 'success', 'error' (tried again later), 'failed'
    status     TEXT   NOT NULL,
    -- attempts since it was queued or resent
    tries      BIGINT NOT NULL,
    -- when it is to be delivered next, or, while it is processed, when its node must have died; null: not any more
    due_ms     BIGINT,
    -- the last attempts: JSON list
    attempts   TEXT   NOT NULL,
    -- what the receiver gets: JSON
    payload    TEXT   NOT NULL,
    -- when it was queued or resent last
    queued_ms  BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (webhook_id, tx_id)
) WITHOUT ROWID;
CREATE INDEX data_webhook_events_due ON data_webhook_events (webhook_id, due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX data_webhook_events_created ON data_webhook_events (created_ms);
