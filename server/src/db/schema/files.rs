//! Tables of the room `files`.

diesel::table! {
    sym_keys (id) {
        id -> Text,
        app_id -> Text,
        creator_id -> Nullable<Text>,
        master_key_id -> Text,
        alg -> Text,
        encrypted_key -> Text,
        created_ms -> BigInt,
    }
}

diesel::table! {
    files (id) {
        id -> Text,
        app_id -> Text,
        owner_id -> Nullable<Text>,
        holder_id -> Nullable<Text>,
        belongs_to_type -> Integer,
        addressee_id -> Nullable<Text>,
        group_id -> Nullable<Text>,
        key_id -> Nullable<Text>,
        master_key_id -> Text,
        encrypted_key -> Text,
        encrypted_key_alg -> Text,
        encrypted_file_name -> Nullable<Text>,
        created_ms -> BigInt,
        unfinished_since_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    file_sessions (id) {
        id -> Text,
        file_id -> Text,
        via_group_id -> Nullable<Text>,
        end_sequence -> Nullable<Integer>,
        finished -> Bool,
        created_ms -> BigInt,
    }
}

diesel::table! {
    file_parts (id) {
        id -> Text,
        file_id -> Text,
        app_id -> Text,
        sequence -> Integer,
        own_storage -> Bool,
        object -> Text,
        size -> BigInt,
        created_ms -> BigInt,
    }
}

diesel::table! {
    file_deletions (object) {
        object -> Text,
        app_id -> Text,
        own_storage -> Bool,
        attempts -> Integer,
        due_ms -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(files, file_sessions, file_parts);

diesel::table! {
    data_files (app_id, location) {
        app_id -> Text,
        location -> Text,
        object -> Text,
        size -> BigInt,
        content_type -> Text,
        content_disposition -> Nullable<Text>,
        created_ms -> BigInt,
    }
}

diesel::table! {
    data_used_urls (id) {
        id -> Text,
        expires_ms -> BigInt,
    }
}
