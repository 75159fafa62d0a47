//! Webhooks of the data API.

diesel::table! {
    data_webhooks (id) {
        id -> Text,
        app_id -> Text,
        url -> Text,
        namespaces -> Text,
        actions -> Text,
        status -> Text,
        disabled_reason -> Nullable<Text>,
        created_ms -> BigInt,
        updated_ms -> BigInt,
    }
}

diesel::table! {
    data_webhook_events (webhook_id, tx_id) {
        webhook_id -> Text,
        tx_id -> BigInt,
        status -> Text,
        tries -> BigInt,
        due_ms -> Nullable<BigInt>,
        attempts -> Text,
        payload -> Text,
        queued_ms -> BigInt,
        created_ms -> BigInt,
        updated_ms -> BigInt,
    }
}

diesel::joinable!(data_webhook_events -> data_webhooks (webhook_id));
diesel::allow_tables_to_appear_in_same_query!(data_webhooks, data_webhook_events);
