use proptest::prelude::*;

use super::*;
use crate::rng::seeded::Seeded;

const ALL: [&str; 3] = [ED25519, DILITHIUM_3, ED25519_DILITHIUM_3];

#[test]
fn round_trips_and_sizes() {
    for (alg, public, secret, signature) in
        [(ED25519, 32, 32, 64), (DILITHIUM_3, 1952, 4000, 3293), (ED25519_DILITHIUM_3, 1984, 4032, 3357)]
    {
        let (sk, vk) = generate(alg, &mut Seeded::new(1)).unwrap();
        assert_eq!((vk.alg(), sk.alg()), (alg, alg));
        assert_eq!((vk.to_bytes().len(), sk.to_bytes().len()), (public, secret));
        assert_eq!(VerifyKey::from_bytes(alg, &vk.to_bytes()).unwrap(), vk);
        assert_eq!(VerifyKey::from_wire(alg, &vk.to_wire()).unwrap(), vk);
        let sk = SignKey::from_bytes(alg, &sk.to_bytes()).unwrap();
        for data in [b"".as_slice(), b"a", &[7; 5000]] {
            let sig = sk.sign(&mut Seeded::new(2), data).unwrap();
            assert_eq!((sig.alg(), sig.to_bytes().len()), (alg, signature));
            assert_eq!(Signature::from_bytes(alg, &sig.to_bytes()).unwrap(), sig);
            assert_eq!(Signature::from_wire(alg, &sig.to_wire()).unwrap(), sig);
            assert_eq!(vk.verify(data, &sig), Ok(()));
            let attached = sk.sign_attached(&mut Seeded::new(2), data).unwrap();
            assert_eq!(attached, [&sig.to_bytes(), data].concat());
            assert_eq!(vk.verify_attached(&attached), Ok(data));
        }
    }
}

#[test]
fn halves_belong_together_or_not() {
    for alg in ALL {
        let (sk, vk) = generate(alg, &mut Seeded::new(1)).unwrap();
        let (other_sk, other_vk) = generate(alg, &mut Seeded::new(2)).unwrap();
        assert!(sk.belongs_to(&vk) && other_sk.belongs_to(&other_vk));
        assert!(!sk.belongs_to(&other_vk) && !other_sk.belongs_to(&vk));
        for other_alg in ALL.iter().filter(|a| **a != alg) {
            assert!(!sk.belongs_to(&generate(other_alg, &mut Seeded::new(1)).unwrap().1));
        }
    }
    // One half of the hybrid exchanged.
    let (sk, vk) = generate(ED25519_DILITHIUM_3, &mut Seeded::new(1)).unwrap();
    let (_, other) = generate(ED25519_DILITHIUM_3, &mut Seeded::new(2)).unwrap();
    for (x, k) in [(&vk, &other), (&other, &vk)] {
        let mixed = [&x.to_bytes()[..32], &k.to_bytes()[32..]].concat();
        assert!(!sk.belongs_to(&VerifyKey::from_bytes(ED25519_DILITHIUM_3, &mixed).unwrap()));
    }
}

#[test]
fn the_same_rng_gives_the_same_bytes() {
    for alg in ALL {
        let make = |seed| {
            let rng = &mut Seeded::new(seed);
            let (sk, vk) = generate(alg, rng).unwrap();
            let sig = sk.sign(rng, b"text").unwrap();
            (sk.to_bytes(), vk.to_bytes(), sig.to_bytes())
        };
        assert_eq!(make(5), make(5));
        assert_ne!(make(5).2, make(6).2);
    }
}

#[test]
fn outputs_of_a_fixed_rng_are_frozen() {
    let made: Vec<_> = ALL
        .iter()
        .map(|alg| {
            let rng = &mut Seeded::new(5);
            let (sk, vk) = generate(alg, rng).unwrap();
            let all = [sk.to_bytes().to_vec(), vk.to_bytes(), sk.sign(rng, b"text").unwrap().to_bytes()].concat();
            format!("{alg} {}", hex::encode(crate::hash::sha256(&all)))
        })
        .collect();
    insta::assert_snapshot!(made.join("\n"));
}

#[test]
fn dilithium_signing_is_randomised() {
    let (sk, vk) = generate(DILITHIUM_3, &mut Seeded::new(1)).unwrap();
    let (a, b) = (sk.sign(&mut Seeded::new(2), b"x").unwrap(), sk.sign(&mut Seeded::new(3), b"x").unwrap());
    assert_ne!(a, b);
    assert_eq!((vk.verify(b"x", &a), vk.verify(b"x", &b)), (Ok(()), Ok(())));
}

#[test]
fn hybrid_wire_has_the_lengths_seen_on_the_wire() {
    // sentc.md 12.5: the JSON texts themselves; line ends of the key count as two characters.
    let (sk, vk) = generate(DEFAULT, &mut Seeded::new(1)).unwrap();
    assert_eq!(vk.to_wire().len(), 2855);
    let sig = sk.sign(&mut Seeded::new(2), b"text").unwrap().to_wire();
    assert_eq!(sig.len(), 4495);
    assert!(sig.starts_with(r#"{"x":""#));
}

#[test]
fn hybrid_signs_the_classic_signature_too() {
    let (sk, vk) = generate(DEFAULT, &mut Seeded::new(1)).unwrap();
    let sig = sk.sign(&mut Seeded::new(2), b"text").unwrap().to_bytes();
    let (sig_x, sig_k) = sig.split_at(64);
    let (vk_bytes, part) = (vk.to_bytes(), |alg, bytes| Signature::from_bytes(alg, bytes).unwrap());
    let vk_x = VerifyKey::from_bytes(ED25519, &vk_bytes[..32]).unwrap();
    let vk_k = VerifyKey::from_bytes(DILITHIUM_3, &vk_bytes[32..]).unwrap();
    assert_eq!(vk_x.verify(b"text", &part(ED25519, sig_x)), Ok(()));
    assert_eq!(vk_k.verify(&[b"text", sig_x].concat(), &part(DILITHIUM_3, sig_k)), Ok(()));
    assert_eq!(vk_k.verify(b"text", &part(DILITHIUM_3, sig_k)), Err(CryptoError::Signature));
}

#[test]
fn any_changed_or_missing_byte_fails() {
    for alg in ALL {
        let (sk, vk) = generate(alg, &mut Seeded::new(1)).unwrap();
        let signed = sk.sign_attached(&mut Seeded::new(2), b"text").unwrap();
        for at in (0..signed.len()).step_by(if alg == ED25519 { 1 } else { 41 }) {
            let mut changed = signed.clone();
            changed[at] ^= 0x10;
            assert_eq!(vk.verify_attached(&changed), Err(CryptoError::Signature), "{alg} {at}");
            assert_eq!(vk.verify_attached(&signed[..at]), Err(CryptoError::Signature), "{alg} {at}");
        }
        let (_, other) = generate(alg, &mut Seeded::new(3)).unwrap();
        assert_eq!(other.verify_attached(&signed), Err(CryptoError::Signature));
    }
}

#[test]
fn one_valid_half_is_not_enough() {
    let (sk, vk) = generate(DEFAULT, &mut Seeded::new(1)).unwrap();
    let good = sk.sign(&mut Seeded::new(2), b"text").unwrap().to_bytes();
    let other = sk.sign(&mut Seeded::new(3), b"else").unwrap().to_bytes();
    for mixed in [[&good[..64], &other[64..]].concat(), [&other[..64], &good[64..]].concat()] {
        let mixed = Signature::from_bytes(DEFAULT, &mixed).unwrap();
        assert_eq!(vk.verify(b"text", &mixed), Err(CryptoError::Signature));
    }
}

#[test]
fn names_and_lengths_must_fit() {
    for alg in ["", "ed25519", "ML_DSA_65", "RSA"] {
        assert_eq!(generate(alg, &mut Seeded::new(1)).unwrap_err(), CryptoError::UnknownAlgorithm);
        assert_eq!(VerifyKey::from_wire(alg, "").unwrap_err(), CryptoError::UnknownAlgorithm);
        assert_eq!(VerifyKey::from_bytes(alg, &[]).unwrap_err(), CryptoError::UnknownAlgorithm);
        assert_eq!(SignKey::from_bytes(alg, &[]).unwrap_err(), CryptoError::UnknownAlgorithm);
        assert_eq!(Signature::from_wire(alg, "").unwrap_err(), CryptoError::UnknownAlgorithm);
        assert_eq!(Signature::from_bytes(alg, &[]).unwrap_err(), CryptoError::UnknownAlgorithm);
    }
    for alg in ALL {
        let (sk, vk) = generate(alg, &mut Seeded::new(1)).unwrap();
        let sig = sk.sign(&mut Seeded::new(2), b"text").unwrap();
        for other in ALL.into_iter().filter(|other| *other != alg) {
            assert!(VerifyKey::from_wire(other, &vk.to_wire()).is_err());
            assert!(Signature::from_wire(other, &sig.to_wire()).is_err());
            assert_eq!(VerifyKey::from_bytes(other, &vk.to_bytes()).unwrap_err(), CryptoError::Length);
            assert_eq!(SignKey::from_bytes(other, &sk.to_bytes()).unwrap_err(), CryptoError::Length);
            assert_eq!(Signature::from_bytes(other, &sig.to_bytes()).unwrap_err(), CryptoError::Length);
            let (_, wrong) = generate(other, &mut Seeded::new(1)).unwrap();
            assert_eq!(wrong.verify(b"text", &sig), Err(CryptoError::Signature));
        }
        assert_eq!(VerifyKey::from_bytes(alg, &vk.to_bytes()[1..]).unwrap_err(), CryptoError::Length);
        assert_eq!(SignKey::from_bytes(alg, &sk.to_bytes()[1..]).unwrap_err(), CryptoError::Length);
        assert_eq!(Signature::from_bytes(alg, &sig.to_bytes()[1..]).unwrap_err(), CryptoError::Length);
        assert_eq!(Signature::from_wire(alg, sig.to_wire().get(1..).unwrap()).unwrap_err(), CryptoError::Encoding);
    }
}

#[test]
fn ed25519_rfc_8032() {
    // Section 7.1, tests 1 to 3: seed, verify key, text, signature.
    let cases = [
        [
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595b\
             be24655141438e7a100b",
        ],
        [
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb430\
             2aeeb00d291612bb0c00",
        ],
        [
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716e\
             d28dc027beceea1ec40a",
        ],
    ];
    for [seed, verify, text, signature] in cases.map(|case| case.map(|text| hex::decode(text).unwrap())) {
        let sk = SignKey::from_bytes(ED25519, &seed).unwrap();
        let made = sk.sign(&mut Seeded::new(1), &text).unwrap();
        assert_eq!(made.to_bytes(), signature);
        assert_eq!(VerifyKey::from_bytes(ED25519, &verify).unwrap().verify(&text, &made), Ok(()));
    }
}

#[test]
fn weak_and_impossible_ed25519_keys_are_refused() {
    let neutral = [&[1][..], &[0; 31]].concat();
    // y = 2 has no x on the curve.
    let no_point = [&[2][..], &[0; 31]].concat();
    for bytes in [neutral, vec![0; 32], no_point] {
        assert_eq!(VerifyKey::from_bytes(ED25519, &bytes).unwrap_err(), CryptoError::Input);
    }
}

#[test]
fn dilithium_secrets_out_of_range_are_refused() {
    let (sk, _) = generate(DILITHIUM_3, &mut Seeded::new(1)).unwrap();
    for at in [96, 700, 96 + 11 * 128 - 1] {
        for byte in [0x09, 0x90, 0xff] {
            let mut bytes = sk.to_bytes();
            bytes[at] = byte;
            assert_eq!(SignKey::from_bytes(DILITHIUM_3, &bytes).unwrap_err(), CryptoError::Input);
        }
        let mut bytes = sk.to_bytes();
        bytes[at] = 0x88;
        assert!(SignKey::from_bytes(DILITHIUM_3, &bytes).is_ok());
    }
}

#[test]
fn debug_shows_nothing_secret() {
    let shown: Vec<_> = ALL
        .iter()
        .map(|alg| {
            let (sk, vk) = generate(alg, &mut Seeded::new(1)).unwrap();
            format!("{sk:?} {vk:?} {:?}", sk.sign(&mut Seeded::new(2), b"text").unwrap())
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    SignKey(ED25519, ..) VerifyKey(ED25519, ..) Signature(ED25519, ..)
    SignKey(DILITHIUM_3, ..) VerifyKey(DILITHIUM_3, ..) Signature(DILITHIUM_3, ..)
    SignKey(ED25519_DILITHIUM_3, ..) VerifyKey(ED25519_DILITHIUM_3, ..) Signature(ED25519_DILITHIUM_3, ..)
    ");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_data_round_trips(data: Vec<u8>, seed: u64) {
        for alg in ALL {
            let rng = &mut Seeded::new(seed);
            let (sk, vk) = generate(alg, rng).unwrap();
            let signed = sk.sign_attached(rng, &data).unwrap();
            prop_assert_eq!(vk.verify_attached(&signed), Ok(data.as_slice()));
        }
    }

    #[test]
    fn random_input_is_refused(seed: u64, text: String) {
        // Random keys too: debug builds check for overflow, and a hostile key must not stop anyone.
        let rng = &mut Seeded::new(seed);
        let bytes = rng::bytes::<4000>(rng);
        for alg in ALL {
            let (_, vk) = generate(alg, rng).unwrap();
            prop_assert_eq!(vk.verify_attached(&bytes), Err(CryptoError::Signature));
            prop_assert!(VerifyKey::from_wire(alg, &text).is_err());
            prop_assert!(Signature::from_wire(alg, &text).is_err());
        }
        for fill in [None, Some(0), Some(0xff)] {
            let mut key = bytes[..1952].to_vec();
            if let Some(fill) = fill {
                key.fill(fill);
            }
            let vk = VerifyKey::from_bytes(DILITHIUM_3, &key).unwrap();
            prop_assert_eq!(vk.verify_attached(&bytes), Err(CryptoError::Signature));
        }
    }

    #[test]
    fn changed_dilithium_keys_and_signatures_never_panic(seed: u64, key_at in 0usize..1952, sig_at in 0usize..3293) {
        let rng = &mut Seeded::new(seed);
        let (sk, vk) = generate(DILITHIUM_3, rng).unwrap();
        let mut signed = sk.sign_attached(rng, b"text").unwrap();
        let mut key = vk.to_bytes();
        key[key_at] ^= seed as u8 | 1;
        let changed = VerifyKey::from_bytes(DILITHIUM_3, &key).unwrap();
        prop_assert_eq!(changed.verify_attached(&signed), Err(CryptoError::Signature));
        signed[sig_at] ^= seed as u8 | 1;
        prop_assert_eq!(vk.verify_attached(&signed), Err(CryptoError::Signature));
    }
}
