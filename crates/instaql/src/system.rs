//! The attrs that every app has: `$users`, `$files`, `$streams` (instant.md section 14). Their ids are the same everywhere,
//! because clients know some of them.

use uuid::Uuid;

use crate::schema::{Attr, Cardinality, CheckedType, Ident, OnDelete, Owner, ValueType};

/// Users of the app.
pub const USERS: &str = "$users";
/// Stored files.
pub const FILES: &str = "$files";
/// Durable text streams.
pub const STREAMS: &str = "$streams";

/// High half of an attr's id ("systemat") and of a name's ("systemid").
const ATTR_HIGH: u64 = 0x9665_3230_13ff_ffff;
const IDENT_HIGH: u64 = 0x9665_3231_03ff_ffff;

/// (namespace, label, low half of the ids, flags: u unique, i indexed, r required, type).
const BLOBS: [(&str, &str, u64, &str, Option<CheckedType>); 19] = [
    (USERS, "id", 0xa4b4_81ff_ffff_ffff, "ui", None),
    (USERS, "email", 0xa4b4_4601_0bff_ffff, "ui", Some(CheckedType::String)),
    (USERS, "type", 0xa4b5_3cbc_9fff_ffff, "", Some(CheckedType::String)),
    (USERS, "imageURL", 0xa4b4_8600_c4a4_57ff, "", Some(CheckedType::String)),
    (FILES, "id", 0x2a34_81ff_ffff_ffff, "ui", None),
    (FILES, "path", 0x2a34_f04c_ffff_ffff, "uir", Some(CheckedType::String)),
    (FILES, "size", 0x2a35_2460_9fff_ffff, "ir", Some(CheckedType::Number)),
    (FILES, "content-type", 0x2a34_29e5_e4ff_ffff, "i", Some(CheckedType::String)),
    (FILES, "content-disposition", 0x2a34_21a2_4fff_ffff, "i", Some(CheckedType::String)),
    (FILES, "location-id", 0x2a34_b40f_ffff_ffff, "uir", Some(CheckedType::String)),
    (FILES, "key-version", 0x2a34_aaff_ffff_ffff, "", Some(CheckedType::Number)),
    (FILES, "url", 0x2a35_48af_ffff_ffff, "", Some(CheckedType::String)),
    (STREAMS, "id", 0x94f4_81ff_ffff_ffff, "ui", None),
    (STREAMS, "clientId", 0x94f4_25a0_8d9a_07ff, "uir", Some(CheckedType::String)),
    (STREAMS, "done", 0x94f4_3734_9fff_ffff, "", Some(CheckedType::Boolean)),
    (STREAMS, "size", 0x94f5_2460_9fff_ffff, "", Some(CheckedType::Number)),
    (STREAMS, "abortReason", 0x94f4_00c6_7120_24df, "", Some(CheckedType::String)),
    (STREAMS, "machineId", 0x94f4_c008_e869_103f, "", Some(CheckedType::String)),
    (STREAMS, "hashedReconnectToken", 0x94f4_7048_f124_dcaf, "", Some(CheckedType::String)),
];

/// `$files.url`, which is made when it is read.
pub const FILES_URL: Uuid = attr_id(0x2a35_48af_ffff_ffff);
/// `$users.id`.
pub const USERS_ID: Uuid = attr_id(0xa4b4_81ff_ffff_ffff);
/// `$users.email`.
pub const USERS_EMAIL: Uuid = attr_id(0xa4b4_4601_0bff_ffff);

const LINKED_PRIMARY_USER: u64 = 0xa4b4_b7d3_ffff_ffff;
const STREAM_FILES: u64 = 0x94f4_547f_ffff_ffff;

/// Every system attr.
#[must_use]
pub fn attrs() -> Vec<Attr> {
    let blobs = BLOBS.iter().map(|&(etype, label, low, flags, checked)| Attr {
        unique: flags.contains('u'),
        index: flags.contains('i'),
        required: flags.contains('r'),
        checked_data_type: checked,
        owner: Owner::System,
        ..Attr::blob(attr_id(low), ident_id(low), etype, label)
    });
    blobs.chain([linked_primary_user(), stream_files()]).collect()
}

fn linked_primary_user() -> Attr {
    Attr {
        value_type: ValueType::Ref,
        reverse_identity: Some(Ident(ident_id(0xa4b4_b353_ffff_ffff), USERS.into(), "linkedGuestUsers".into())),
        on_delete: Some(OnDelete::Cascade),
        owner: Owner::System,
        ..Attr::blob(attr_id(LINKED_PRIMARY_USER), ident_id(LINKED_PRIMARY_USER), USERS, "linkedPrimaryUser")
    }
}

fn stream_files() -> Attr {
    Attr {
        value_type: ValueType::Ref,
        cardinality: Cardinality::Many,
        reverse_identity: Some(Ident(made_id(IDENT_HIGH, "fi", "st"), FILES.into(), "$stream".into())),
        unique: true,
        on_delete_reverse: Some(OnDelete::Cascade),
        owner: Owner::System,
        ..Attr::blob(attr_id(STREAM_FILES), ident_id(STREAM_FILES), STREAMS, "$files")
    }
}

const fn attr_id(low: u64) -> Uuid {
    Uuid::from_u64_pair(ATTR_HIGH, low)
}

const fn ident_id(low: u64) -> Uuid {
    Uuid::from_u64_pair(IDENT_HIGH, low)
}

/// The rule behind the ids: `code/label`, lower-cased letters only, five bits each, padded with ones.
fn made_id(high: u64, code: &str, label: &str) -> Uuid {
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxzy/";
    let text = format!("{code}/{label}").to_lowercase();
    let letters = text.chars().filter_map(|c| LETTERS.find(c)).take(12);
    let (bits, used) = letters.fold((0_u64, 0_u32), |(bits, used), at| ((bits << 5) | (at as u64 & 31), used + 5));
    let free = 64 - used;
    Uuid::from_u64_pair(high, (bits << free) | ((1 << free) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_those_of_the_reference() {
        let of = |name: &str| attrs().into_iter().find(|attr| attr.name() == name).unwrap().id.to_string();
        assert_eq!(of("$users.id"), "96653230-13ff-ffff-a4b4-81ffffffffff");
        assert_eq!(of("$users.linkedPrimaryUser"), "96653230-13ff-ffff-a4b4-b7d3ffffffff");
        assert_eq!(of("$files.url"), FILES_URL.to_string());
        assert_eq!(of("$files.url"), "96653230-13ff-ffff-2a35-48afffffffff");
        assert_eq!(of("$streams.$files"), "96653230-13ff-ffff-94f4-547fffffffff");
    }

    #[test]
    fn the_rule_gives_the_listed_ids() {
        for (code, etype) in [("us", USERS), ("fi", FILES), ("st", STREAMS)] {
            // Longer labels were shortened by hand.
            let short = |attr: &&Attr| attr.label().len() <= 9 && !attr.label().contains(['-', '$']);
            for attr in attrs().iter().filter(|attr| attr.etype() == etype).filter(short) {
                assert_eq!(made_id(ATTR_HIGH, code, attr.label()), attr.id, "{}", attr.name());
            }
        }
    }

    #[test]
    fn every_id_and_name_is_its_own_and_valid() {
        let attrs = attrs();
        let ids: BTreeSet<_> = attrs.iter().map(|attr| attr.id).collect();
        let names: BTreeSet<_> = attrs.iter().map(Attr::name).collect();
        assert_eq!((ids.len(), names.len()), (attrs.len(), attrs.len()));
        assert!(attrs.iter().all(|attr| attr.validate().is_ok()));
    }
}
