DROP TABLE group_rotation_keys;
DROP TABLE group_rotation_jobs;
DROP TABLE group_rotations;
