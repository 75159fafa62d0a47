DROP TABLE data_test_users;
DROP TABLE data_code_counts;
DROP TABLE data_magic_codes;
