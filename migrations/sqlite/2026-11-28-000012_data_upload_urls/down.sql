DROP TABLE data_used_urls;
