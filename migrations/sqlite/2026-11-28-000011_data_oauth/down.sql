DROP TABLE data_oauth_links;
DROP TABLE data_oauth_codes;
DROP TABLE data_oauth_logins;
