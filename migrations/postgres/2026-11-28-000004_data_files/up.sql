-- Bytes of `$files` (instant.md section 10). A row lives as long as a `$files` entity names its location; with the row goes the
-- object, by way of file_deletions.
CREATE TABLE data_files (
    app_id              TEXT   NOT NULL REFERENCES data_apps (app_id) ON DELETE CASCADE,
    location            TEXT   NOT NULL,
    -- name of the object in the server's storage
    object              TEXT   NOT NULL UNIQUE,
    size                BIGINT NOT NULL,
    content_type        TEXT   NOT NULL,
    content_disposition TEXT,
    created_ms          BIGINT NOT NULL,
    PRIMARY KEY (app_id, location)
);

CREATE FUNCTION data_files_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO file_deletions (object, app_id, own_storage, attempts, due_ms)
    VALUES (OLD.object, OLD.app_id, FALSE, 0, 0);
    RETURN NULL;
END $$;
CREATE TRIGGER data_files_deleted AFTER DELETE ON data_files
    FOR EACH ROW EXECUTE FUNCTION data_files_deleted();
