DROP TABLE data_webhook_events;
DROP TABLE data_webhooks;
