DROP TABLE data_ephemeral;
