-- Registered symmetric keys and files. What belongs to a user, a group or a key goes with it, by foreign keys and triggers, whichever
-- way it is deleted; what lies outside the database then waits in file_deletions.

-- creator_id: he may delete it; a key that others use outlives him.
CREATE TABLE sym_keys (
    id TEXT NOT NULL PRIMARY KEY,
    app_id TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    creator_id TEXT REFERENCES directory_users (id) ON DELETE SET NULL,
    master_key_id TEXT NOT NULL,
    alg TEXT NOT NULL,
    encrypted_key TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX sym_keys_app ON sym_keys (app_id);
CREATE INDEX sym_keys_creator ON sym_keys (creator_id);
CREATE INDEX sym_keys_master ON sym_keys (master_key_id, created_ms, id);

-- A key that nothing can open any more.
CREATE TRIGGER sym_keys_follow_master AFTER DELETE ON group_keys
BEGIN
    DELETE FROM sym_keys WHERE master_key_id = OLD.id;
END;

-- owner_id: who made it. holder_id: the owner again, unless the file is a group's: with him the file goes.
-- belongs_to_type: 0 nobody, 1 user (addressee_id), 2 group (group_id).
-- key_id: files of 2022, whose content key is a registered key; the three columns of today's files are empty then.
-- unfinished_since_ms: registration, until the part with the end mark and all before it are there.
CREATE TABLE files (
    id TEXT NOT NULL PRIMARY KEY,
    app_id TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    owner_id TEXT REFERENCES directory_users (id) ON DELETE SET NULL,
    holder_id TEXT REFERENCES directory_users (id) ON DELETE CASCADE,
    belongs_to_type INTEGER NOT NULL,
    addressee_id TEXT REFERENCES directory_users (id) ON DELETE SET NULL,
    group_id TEXT REFERENCES groups (id) ON DELETE CASCADE,
    key_id TEXT,
    master_key_id TEXT NOT NULL,
    encrypted_key TEXT NOT NULL,
    encrypted_key_alg TEXT NOT NULL,
    encrypted_file_name TEXT,
    created_ms BIGINT NOT NULL,
    unfinished_since_ms BIGINT
);
CREATE INDEX files_app ON files (app_id);
CREATE INDEX files_owner ON files (owner_id);
CREATE INDEX files_holder ON files (holder_id);
CREATE INDEX files_addressee ON files (addressee_id);
CREATE INDEX files_group ON files (group_id);
CREATE INDEX files_unfinished ON files (unfinished_since_ms);

-- via_group_id: the group through which the uploader entered the file's group.
-- end_sequence: the part that came with the end mark.
CREATE TABLE file_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    file_id TEXT NOT NULL REFERENCES files (id) ON DELETE CASCADE,
    via_group_id TEXT,
    end_sequence INTEGER,
    finished BOOLEAN NOT NULL,
    created_ms BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX file_sessions_file ON file_sessions (file_id);
CREATE INDEX file_sessions_age ON file_sessions (created_ms);

-- object: name of the object in the server's storage; with own storage the part's id.
CREATE TABLE file_parts (
    id TEXT NOT NULL PRIMARY KEY,
    file_id TEXT NOT NULL REFERENCES files (id) ON DELETE CASCADE,
    app_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    own_storage BOOLEAN NOT NULL,
    object TEXT NOT NULL,
    size BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (file_id, sequence)
) WITHOUT ROWID;

-- What is to be deleted outside the database. Without foreign keys: it outlives what it belonged to.
-- An object is entered before it is written, due when its upload has long ended, and taken out when its part is stored.
CREATE TABLE file_deletions (
    object TEXT NOT NULL PRIMARY KEY,
    app_id TEXT NOT NULL,
    own_storage BOOLEAN NOT NULL,
    attempts INTEGER NOT NULL,
    due_ms BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX file_deletions_due ON file_deletions (due_ms);

CREATE TRIGGER file_parts_deleted AFTER DELETE ON file_parts
BEGIN
    INSERT INTO file_deletions (object, app_id, own_storage, attempts, due_ms)
    VALUES (OLD.object, OLD.app_id, OLD.own_storage, 0, 0);
END;
