//! The identity API: accounts, sessions, tokens.

use super::apps;

diesel::table! {
    iam_users (id) {
        id -> BigInt,
        uuid -> Text,
        app_id -> Text,
        email -> Text,
        email_key -> Text,
        password_hash -> Text,
        password_expires_ms -> Nullable<BigInt>,
        avatar -> Nullable<Text>,
        permissions -> Nullable<Text>,
        first_name -> Text,
        last_name -> Text,
        role -> Text,
        email_verified -> Bool,
        is_active -> Bool,
        last_login_ms -> Nullable<BigInt>,
        created_ms -> BigInt,
        deleted_ms -> Nullable<BigInt>,
        updated_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    iam_provider_users (id) {
        id -> BigInt,
        app_id -> Text,
        provider -> Text,
        provider_user_id -> Text,
        user_uuid -> Text,
        created_ms -> BigInt,
    }
}

diesel::table! {
    iam_sessions (id) {
        id -> Text,
        user_uuid -> Text,
        sid_hash -> Text,
        csrf_hash -> Text,
        is_active -> Bool,
        start_ms -> BigInt,
        renewed_ms -> BigInt,
        end_ms -> Nullable<BigInt>,
        ip -> Nullable<Text>,
        network -> Nullable<Text>,
        user_agent -> Nullable<Text>,
    }
}

diesel::table! {
    iam_refresh_tokens (id) {
        id -> BigInt,
        token_id -> Text,
        app_id -> Text,
        user_uuid -> Text,
        session_id -> Text,
        is_active -> Bool,
        created_ms -> BigInt,
        updated_ms -> Nullable<BigInt>,
        replaced_ms -> Nullable<BigInt>,
        successor -> Nullable<Text>,
    }
}

diesel::table! {
    iam_one_time_tokens (token_id) {
        token_id -> Text,
        user_uuid -> Text,
        token_type -> Text,
        expires_ms -> BigInt,
        used_ms -> Nullable<BigInt>,
        created_ms -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    apps,
    iam_users,
    iam_provider_users,
    iam_sessions,
    iam_refresh_tokens,
    iam_one_time_tokens,
);
