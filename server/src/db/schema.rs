//! The tables, as diesel sees them. The migrations in `migrations/` make them; a test compares both.

mod audit;
mod data;
pub mod files;
mod identity;
mod live;
mod streams;
mod webhooks;

pub use audit::audit_log;
pub use data::{
    data_apps, data_attrs, data_code_counts, data_ephemeral, data_magic_codes, data_oauth_codes, data_oauth_links,
    data_oauth_logins, data_refresh_tokens, data_test_users, data_transactions, data_triples,
};
pub use identity::{iam_one_time_tokens, iam_provider_users, iam_refresh_tokens, iam_sessions, iam_users};
pub use live::{live_events, live_sign_outs};
pub use streams::{data_stream_chunks, data_streams};
pub use webhooks::{data_webhook_events, data_webhooks};

diesel::table! {
    settings (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    apps (id) {
        id -> Text,
        version -> BigInt,
        disabled_ms -> Nullable<BigInt>,
        name -> Text,
        public_token_hash -> Text,
        secret_token_hash -> Text,
        admin_token_hash -> Text,
        options -> Text,
        file_options -> Text,
        group_options -> Text,
        created_ms -> BigInt,
    }
}

diesel::table! {
    app_jwt_keys (kid) {
        kid -> Text,
        app_id -> Text,
        alg -> Text,
        verify_key -> Text,
        sign_key_sealed -> Text,
        created_ms -> BigInt,
    }
}

diesel::table! {
    directory_users (id) {
        id -> Text,
        app_id -> Text,
        created_ms -> BigInt,
    }
}

diesel::table! {
    groups (id) {
        id -> Text,
        app_id -> Text,
        kind -> Integer,
        parent_id -> Nullable<Text>,
        is_connected -> Bool,
        invites_open -> Bool,
        created_ms -> BigInt,
    }
}

diesel::table! {
    group_members (group_id, member_id) {
        group_id -> Text,
        member_id -> Text,
        member_type -> Integer,
        rank -> Integer,
        joined_ms -> BigInt,
        group_created_ms -> BigInt,
    }
}

diesel::table! {
    group_keys (id) {
        id -> Text,
        group_id -> Text,
        created_ms -> BigInt,
        group_key_alg -> Text,
        keypair_encrypt_alg -> Text,
        keypair_sign_alg -> Nullable<Text>,
        signed_by_user_id -> Nullable<Text>,
        signed_by_user_sign_key_id -> Nullable<Text>,
        public_group_key -> Text,
        encrypted_private_group_key -> Text,
        verify_key -> Nullable<Text>,
        encrypted_sign_key -> Nullable<Text>,
        public_key_sig -> Nullable<Text>,
        group_key_sig -> Nullable<Text>,
    }
}

diesel::table! {
    group_member_keys (member_id, group_id, key_created_ms, key_id) {
        member_id -> Text,
        group_id -> Text,
        key_created_ms -> BigInt,
        key_id -> Text,
        encrypted_group_key_alg -> Text,
        user_public_key_id -> Text,
        encrypted_group_key -> Text,
    }
}

diesel::table! {
    group_search_keys (id) {
        id -> Text,
        group_id -> Text,
        kind -> Integer,
        alg -> Text,
        encryption_key_id -> Text,
        encrypted_key -> Text,
        created_ms -> BigInt,
    }
}

diesel::table! {
    group_invites (group_id, member_id, kind) {
        group_id -> Text,
        member_id -> Text,
        kind -> Integer,
        member_type -> Integer,
        rank -> Integer,
        created_ms -> BigInt,
    }
}

diesel::table! {
    group_key_sessions (id) {
        id -> Text,
        group_id -> Text,
        member_id -> Text,
        created_ms -> BigInt,
    }
}

diesel::table! {
    group_rotations (key_id) {
        key_id -> Text,
        group_id -> Text,
        created_ms -> BigInt,
        previous_group_key_id -> Text,
        ephemeral_alg -> Text,
        encrypted_group_key_by_ephemeral -> Text,
    }
}

diesel::table! {
    group_rotation_jobs (key_id) {
        key_id -> Text,
        encrypted_ephemeral_key -> Text,
        position_ms -> BigInt,
        position_id -> Text,
        rounds -> BigInt,
        claimed_by -> Text,
        claimed_ms -> BigInt,
    }
}

diesel::table! {
    group_rotation_keys (member_id, group_id, key_created_ms, key_id) {
        member_id -> Text,
        group_id -> Text,
        key_created_ms -> BigInt,
        key_id -> Text,
        public_key_id -> Text,
        encrypted_ephemeral_key -> Text,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    key_users (id) {
        id -> Text,
        app_id -> Text,
        user_group_id -> Text,
        created_ms -> BigInt,
    }
}

diesel::table! {
    key_devices (id) {
        id -> Text,
        app_id -> Text,
        user_id -> Text,
        user_group_id -> Text,
        generation -> Integer,
        valid_from_ms -> BigInt,
        identifier_hash -> Text,
        created_ms -> BigInt,
        sessions_ended_ms -> BigInt,
        challenges_after_ms -> BigInt,
    }
}

diesel::table! {
    key_device_keys (device_id) {
        device_id -> Text,
        derived_alg -> Text,
        client_random_value -> Text,
        hashed_authentication_key -> Text,
        master_key_alg -> Text,
        encrypted_master_key -> Text,
        encrypted_master_key_alg -> Text,
        keypair_encrypt_alg -> Text,
        keypair_sign_alg -> Text,
        public_key -> Text,
        verify_key -> Text,
        encrypted_private_key -> Text,
        encrypted_sign_key -> Text,
    }
}

diesel::table! {
    key_refresh_tokens (token_hash) {
        token_hash -> Text,
        device_id -> Text,
        created_ms -> BigInt,
        id -> Text,
        last_used_ms -> BigInt,
    }
}

diesel::table! {
    key_pending_devices (id) {
        id -> Text,
        app_id -> Text,
        token_hash -> Text,
        identifier_hash -> Text,
        created_ms -> BigInt,
        derived_alg -> Text,
        client_random_value -> Text,
        hashed_authentication_key -> Text,
        master_key_alg -> Text,
        encrypted_master_key -> Text,
        encrypted_master_key_alg -> Text,
        keypair_encrypt_alg -> Text,
        keypair_sign_alg -> Text,
        public_key -> Text,
        verify_key -> Text,
        encrypted_private_key -> Text,
        encrypted_sign_key -> Text,
    }
}

diesel::table! {
    key_mfa (user_id, state) {
        user_id -> Text,
        state -> Integer,
        last_step -> BigInt,
        created_ms -> BigInt,
        secret_sealed -> Text,
    }
}

diesel::table! {
    key_mfa_recovery (user_id, state, number) {
        user_id -> Text,
        state -> Integer,
        number -> Integer,
        key_hash -> Text,
        key_sealed -> Text,
    }
}

diesel::table! {
    customers (id) {
        id -> Text,
        email -> Text,
        email_valid -> Bool,
        email_sent_ms -> BigInt,
        name -> Text,
        first_name -> Text,
        company -> Nullable<Text>,
        created_ms -> BigInt,
    }
}

diesel::table! {
    customer_mail_tokens (customer_id, kind) {
        customer_id -> Text,
        kind -> Integer,
        token_hash -> Text,
        created_ms -> BigInt,
    }
}

diesel::table! {
    customer_captchas (id) {
        id -> Text,
        solution_sealed -> Text,
        created_ms -> BigInt,
    }
}

diesel::table! {
    customer_groups (group_id) {
        group_id -> Text,
        name -> Nullable<Text>,
        description -> Nullable<Text>,
    }
}

diesel::table! {
    customer_apps (app_id) {
        app_id -> Text,
        owner_id -> Text,
        owner_kind -> Integer,
        created_ms -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(apps, data_apps);
diesel::allow_tables_to_appear_in_same_query!(
    settings,
    apps,
    app_jwt_keys,
    directory_users,
    groups,
    group_members,
    group_keys,
    group_member_keys,
    group_search_keys,
    group_invites,
    group_key_sessions,
    group_rotations,
    group_rotation_jobs,
    group_rotation_keys,
    key_users,
    key_devices,
    key_device_keys,
    key_refresh_tokens,
    key_pending_devices,
    key_mfa,
    key_mfa_recovery,
    customers,
    customer_mail_tokens,
    customer_captchas,
    customer_groups,
    customer_apps,
);
