//! What connections have done.

diesel::table! {
    live_events (app_id, event_id) {
        app_id -> Text,
        event_id -> Text,
        tx_id -> BigInt,
        created_ms -> BigInt,
    }
}
