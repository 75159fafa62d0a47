//! What happened to accounts.

diesel::table! {
    audit_log (id) {
        id -> BigInt,
        app_id -> Text,
        at_ms -> BigInt,
        event -> Text,
        actor_id -> Nullable<Text>,
        subject_id -> Nullable<Text>,
        ip -> Nullable<Text>,
        detail -> Nullable<Text>,
    }
}
