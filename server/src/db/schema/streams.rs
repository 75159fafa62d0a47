//! Text streams of the data API.

diesel::table! {
    data_streams (app_id, stream_id) {
        app_id -> Text,
        stream_id -> Text,
        client_id -> Text,
        token_hash -> Text,
        size -> BigInt,
        done -> Bool,
        abort_reason -> Nullable<Text>,
        created_ms -> BigInt,
    }
}

diesel::table! {
    data_stream_chunks (app_id, stream_id, end_offset) {
        app_id -> Text,
        stream_id -> Text,
        end_offset -> BigInt,
        content -> Text,
    }
}
