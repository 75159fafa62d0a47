DROP TABLE customer_apps;
DROP TABLE customer_groups;
DROP TABLE customer_captchas;
DROP TABLE customer_mail_tokens;
DROP TABLE customers;
