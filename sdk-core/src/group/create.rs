//! New groups.

use keystead_crypto::asym::{self, PublicKey, SecretKey};
use keystead_crypto::encoding::b64_encode;
use keystead_crypto::rng::CryptoRng;
use keystead_crypto::search::{self, SearchKey};
use keystead_crypto::sign::{self, SignKey, VerifyKey};
use keystead_crypto::sort::{self, SortKey};
use keystead_crypto::sym::SymKey;
use keystead_protocol::devices::NON_REGISTERED;
use keystead_protocol::groups::GroupCreateData;

use super::keys::{GroupKey, wrap_for_self};
use crate::user::UserData;
use crate::{Result, SdkError, Suite, wire};

/// How a group is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreateGroup {
    /// Algorithms of the group's key pair.
    pub suite: Suite,
    /// True (default): the creator signs the group key, so that members can tell it from one of the server's.
    pub sign: bool,
}

impl Default for CreateGroup {
    fn default() -> Self {
        Self { suite: Suite::HYBRID, sign: true }
    }
}

/// Who signs: a user's sign key with its id.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// The user's id.
    pub user_id: &'a str,
    /// Id of the sign key (and of its verify key).
    pub key_id: &'a str,
    /// The sign key.
    pub key: &'a SignKey,
}

/// The body of `POST /group`: a new group whose key is wrapped for the user's newest public key.
///
/// Output: JSON text of `GroupCreateData`, about 7 KiB with the hybrid suite (12 KiB signed). The answer goes to
/// [`done_create_group`](super::done_create_group).
///
/// # Errors
/// `ForeignKey` when the user's public key is not his own; `NoKeys`; `Crypto`.
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let alice = alice();
/// use keystead_sdk_core::{Suite, group, rng};
///
/// let body = group::prepare_create_group(&mut rng::os(), &alice, group::CreateGroup::default())?;
/// assert!(body.contains("group_key_sig"), "signed by Alice");
/// let as_the_originals = group::CreateGroup { suite: Suite::HYBRID, sign: false };
/// assert!(!group::prepare_create_group(&mut rng::os(), &alice, as_the_originals)?.contains("group_key_sig"));
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn prepare_create_group(rng: &mut dyn CryptoRng, user: &UserData, options: CreateGroup) -> Result<String> {
    let newest = user.newest_key()?.group_key();
    let signer = if options.sign { Some(user.signer()?) } else { None };
    Ok(wire::to_json(&create(rng, newest, signer, options.suite)?))
}

/// The body of `POST /group/:parent/child` (and `/connected`): the new group's key is wrapped for the newest public key
/// of the parent group.
///
/// # Errors
/// `ForeignKey` when the parent's public key is not its own; `NoKeys` for an empty `parent_keys`; `Crypto`.
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let alice = alice();
/// # let parent = group(&alice);
/// use keystead_sdk_core::{group, rng};
///
/// let body = group::prepare_create_child_group(&mut rng::os(), parent.keys(), &alice, group::CreateGroup::default())?;
/// assert!(body.contains(&format!(r#""creator_public_key_id":"{}""#, parent.newest_key()?.id())));
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn prepare_create_child_group(
    rng: &mut dyn CryptoRng,
    parent_keys: &[GroupKey],
    user: &UserData,
    options: CreateGroup,
) -> Result<String> {
    let newest = parent_keys.first().ok_or(SdkError::NoKeys)?;
    let signer = if options.sign { Some(user.signer()?) } else { None };
    Ok(wire::to_json(&create(rng, newest, signer, options.suite)?))
}

fn create(
    rng: &mut dyn CryptoRng,
    creator: &GroupKey,
    signer: Option<Signer<'_>>,
    suite: Suite,
) -> Result<GroupCreateData> {
    let mut made = make_group(rng, suite, &creator.public, &creator.secret)?;
    made.data.creator_public_key_id.clone_from(&creator.id);
    if let Some(signer) = signer {
        made.data.group_key_sig = Some(signer.key.sign(rng, made.key.as_bytes())?.to_wire());
        made.data.signed_by_user_id = Some(signer.user_id.to_owned());
        made.data.signed_by_user_sign_key_id = Some(signer.key_id.to_owned());
    }
    Ok(made.data)
}

/// The user group of a registration: as a group, and with the user's sign key pair.
pub(crate) fn make_user_group(
    rng: &mut dyn CryptoRng,
    suite: Suite,
    device_public: &PublicKey,
    device_secret: &SecretKey,
) -> Result<GroupCreateData> {
    let Made { key, public, mut data } = make_group(rng, suite, device_public, device_secret)?;
    let (sign_key, verify_key): (SignKey, VerifyKey) = sign::generate(suite.sign, rng)?;
    data.encrypted_sign_key = Some(wire::wrap(rng, &key, &sign_key.to_bytes(), b"")?);
    data.verify_key = Some(verify_key.to_wire());
    data.keypair_sign_alg = Some(suite.sign.to_owned());
    if !suite.g03 {
        data.public_key_sig = Some(sign_key.sign(rng, &public.to_bytes())?.to_wire());
    }
    Ok(data)
}

struct Made {
    key: SymKey,
    public: PublicKey,
    data: GroupCreateData,
}

fn make_group(rng: &mut dyn CryptoRng, suite: Suite, public: &PublicKey, secret: &SecretKey) -> Result<Made> {
    let key = SymKey::generate(rng);
    let encrypted_group_key = wrap_for_self(rng, &key, public, secret)?;
    let (group_secret, group_public) = asym::generate(suite.asym, rng)?;
    let encrypted_private_group_key = wire::wrap(rng, &key, &group_secret.to_bytes(), b"")?;
    let mut data = GroupCreateData {
        encrypted_group_key,
        group_key_alg: key.alg().to_owned(),
        encrypted_group_key_alg: public.alg().to_owned(),
        encrypted_private_group_key,
        public_group_key: group_public.to_wire(),
        keypair_encrypt_alg: suite.asym.to_owned(),
        creator_public_key_id: NON_REGISTERED.to_owned(),
        encrypted_hmac_key: None,
        encrypted_hmac_alg: None,
        encrypted_sortable_key: None,
        encrypted_sortable_alg: None,
        signed_by_user_id: None,
        signed_by_user_sign_key_id: None,
        group_key_sig: None,
        encrypted_sign_key: None,
        verify_key: None,
        keypair_sign_alg: None,
        public_key_sig: None,
    };
    if !suite.g03 {
        let search_key = SearchKey::generate(rng);
        data.encrypted_hmac_key = Some(b64_encode(&key.encrypt(rng, search_key.as_bytes(), b"")?));
        data.encrypted_hmac_alg = Some(search::HMAC_SHA256.to_owned());
        let sort_key = SortKey::generate(rng);
        data.encrypted_sortable_key = Some(b64_encode(&key.encrypt(rng, sort_key.as_bytes(), b"")?));
        data.encrypted_sortable_alg = Some(sort::OPE_16.to_owned());
    }
    Ok(Made { key, public: group_public, data })
}
