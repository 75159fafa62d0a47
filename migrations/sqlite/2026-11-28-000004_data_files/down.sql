DROP TABLE data_files;
