DROP TABLE data_refresh_tokens;
DROP TABLE data_transactions;
DROP TABLE data_triples;
DROP TABLE data_attrs;
DROP TABLE data_apps;
