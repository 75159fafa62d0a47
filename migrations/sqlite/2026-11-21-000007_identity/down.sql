DROP TABLE iam_one_time_tokens;
DROP TABLE iam_refresh_tokens;
DROP TABLE iam_sessions;
DROP TABLE iam_provider_users;
DROP TABLE iam_users;
DROP TABLE audit_log;
