-- The data API (instant.md): attrs, triples, rules and the log of transactions of each app.

-- One row for each app that uses the data API. `version` counts up with every change of attrs, rules or state, so that
-- caches notice; `tx_id` is the last transaction's number, counted here so that numbers follow the order of commits.
CREATE TABLE data_apps (
    app_id     TEXT    NOT NULL PRIMARY KEY REFERENCES apps (id) ON DELETE CASCADE,
    tx_id      BIGINT  NOT NULL,
    version    BIGINT  NOT NULL,
    -- 'active' or 'read-only'
    status     TEXT    NOT NULL,
    -- the rules document as it was pushed: JSON
    rules      TEXT    NOT NULL,
    created_ms BIGINT  NOT NULL
);

-- Attrs (section 13.1). `number` stands for the attr in the triples, in whatever app.
CREATE TABLE data_attrs (
    number        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    app_id        TEXT    NOT NULL REFERENCES data_apps (app_id) ON DELETE CASCADE,
    id            TEXT    NOT NULL,
    etype         TEXT    NOT NULL,
    label         TEXT    NOT NULL,
    reverse_etype TEXT,
    reverse_label TEXT,
    -- the attr as it is on the wire: JSON
    attr          TEXT    NOT NULL,
    -- when it was deleted; it can be restored until a sweep takes it away
    deleted_ms    BIGINT
);
CREATE UNIQUE INDEX data_attrs_id ON data_attrs (app_id, id);
CREATE UNIQUE INDEX data_attrs_forward ON data_attrs (app_id, etype, label) WHERE deleted_ms IS NULL;
CREATE UNIQUE INDEX data_attrs_reverse ON data_attrs (app_id, reverse_etype, reverse_label)
    WHERE deleted_ms IS NULL AND reverse_etype IS NOT NULL;

-- Triples. `slot` is empty for attrs of cardinality one and the other entity for links to many. `sort` is what the triple
-- is found and ordered by: of an id triple its time (8 bytes, big-endian), of a link the other entity (16 bytes), else the
-- value's index key. `indexed` is 1 for those three kinds of triple that the second index knows: ids, links, indexed or
-- unique values.
CREATE TABLE data_triples (
    entity     BLOB    NOT NULL,
    attr       BIGINT  NOT NULL,
    slot       BLOB    NOT NULL,
    sort       BLOB    NOT NULL,
    indexed    INTEGER NOT NULL,
    -- JSON
    value      TEXT    NOT NULL,
    created_ms BIGINT  NOT NULL,
    PRIMARY KEY (entity, attr, slot)
) WITHOUT ROWID;
CREATE INDEX data_triples_sort ON data_triples (attr, sort, entity) WHERE indexed = 1;

-- What each transaction changed, for live queries at other nodes and for webhooks; old rows are swept.
CREATE TABLE data_transactions (
    app_id     TEXT    NOT NULL REFERENCES data_apps (app_id) ON DELETE CASCADE,
    tx_id      BIGINT  NOT NULL,
    created_ms BIGINT  NOT NULL,
    -- JSON; null says that it was too much to write down: everything may have changed
    changes    TEXT,
    PRIMARY KEY (app_id, tx_id)
) WITHOUT ROWID;
CREATE INDEX data_transactions_created ON data_transactions (created_ms);

-- Refresh tokens of the data API's users, as the SHA-256 of their text in hex.
CREATE TABLE data_refresh_tokens (
    token_hash TEXT   NOT NULL PRIMARY KEY,
    app_id     TEXT   NOT NULL REFERENCES data_apps (app_id) ON DELETE CASCADE,
    user_id    TEXT   NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX data_refresh_tokens_user ON data_refresh_tokens (app_id, user_id);
