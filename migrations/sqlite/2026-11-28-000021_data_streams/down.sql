DROP TABLE data_stream_chunks;
DROP TABLE data_streams;
