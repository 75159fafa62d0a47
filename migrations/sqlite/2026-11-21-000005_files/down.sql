DROP TRIGGER file_parts_deleted;
DROP TRIGGER sym_keys_follow_master;
DROP TABLE file_deletions;
DROP TABLE file_parts;
DROP TABLE file_sessions;
DROP TABLE files;
DROP TABLE sym_keys;
