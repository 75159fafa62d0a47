//! What connections have done, and whose must end.

diesel::table! {
    live_events (app_id, event_id) {
        app_id -> Text,
        event_id -> Text,
        tx_id -> BigInt,
        created_ms -> BigInt,
    }
}

diesel::table! {
    live_sign_outs (id) {
        id -> Text,
        app_id -> Text,
        user_id -> Text,
        created_ms -> BigInt,
    }
}
