DROP TABLE data_files;
DROP FUNCTION data_files_deleted;
