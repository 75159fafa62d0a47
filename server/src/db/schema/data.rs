//! The data API: attrs, triples, transactions.

diesel::table! {
    data_apps (app_id) {
        app_id -> Text,
        tx_id -> BigInt,
        version -> BigInt,
        status -> Text,
        rules -> Text,
        created_ms -> BigInt,
    }
}

diesel::table! {
    data_attrs (number) {
        number -> BigInt,
        app_id -> Text,
        id -> Text,
        etype -> Text,
        label -> Text,
        reverse_etype -> Nullable<Text>,
        reverse_label -> Nullable<Text>,
        attr -> Text,
        deleted_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    data_triples (entity, attr, slot) {
        entity -> Binary,
        attr -> BigInt,
        slot -> Binary,
        sort -> Binary,
        indexed -> Integer,
        value -> Text,
        created_ms -> BigInt,
    }
}

diesel::table! {
    data_transactions (app_id, tx_id) {
        app_id -> Text,
        tx_id -> BigInt,
        created_ms -> BigInt,
        changes -> Nullable<Text>,
    }
}

diesel::table! {
    data_refresh_tokens (token_hash) {
        token_hash -> Text,
        app_id -> Text,
        user_id -> Text,
        created_ms -> BigInt,
    }
}

diesel::table! {
    data_magic_codes (app_id, email_hash, code_hash) {
        app_id -> Text,
        email_hash -> Text,
        code_hash -> Text,
        created_ms -> BigInt,
        expires_ms -> BigInt,
    }
}

diesel::table! {
    data_code_counts (app_id, email_hash, what) {
        app_id -> Text,
        email_hash -> Text,
        what -> Text,
        started_ms -> BigInt,
        count -> BigInt,
    }
}

diesel::table! {
    data_test_users (app_id, email) {
        app_id -> Text,
        email -> Text,
        code -> Text,
        created_ms -> BigInt,
    }
}

diesel::table! {
    data_ephemeral (app_id) {
        app_id -> Text,
        expires_ms -> BigInt,
    }
}

diesel::table! {
    data_oauth_logins (state_hash) {
        state_hash -> Text,
        app_id -> Text,
        provider -> Text,
        cookie_hash -> Text,
        nonce -> Text,
        redirect_uri -> Text,
        client_state -> Nullable<Text>,
        challenge -> Nullable<Text>,
        challenge_method -> Nullable<Text>,
        expires_ms -> BigInt,
    }
}

diesel::table! {
    data_oauth_codes (code_hash) {
        code_hash -> Text,
        app_id -> Text,
        provider -> Text,
        subject -> Text,
        email -> Text,
        picture -> Nullable<Text>,
        challenge -> Nullable<Text>,
        challenge_method -> Nullable<Text>,
        expires_ms -> BigInt,
    }
}

diesel::table! {
    data_oauth_links (app_id, provider, subject) {
        app_id -> Text,
        provider -> Text,
        subject -> Text,
        user_id -> Text,
        created_ms -> BigInt,
    }
}
