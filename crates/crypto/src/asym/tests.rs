use proptest::prelude::*;

use super::*;
use crate::rng::Rng;
use crate::rng::seeded::Seeded;

const ALL: [&str; 3] = [ECIES_ED25519, KYBER_768, ECIES_ED25519_KYBER_768];

#[test]
fn round_trips_and_sizes() {
    for (alg, public, secret, adds) in
        [(ECIES_ED25519, 32, 32, 60), (KYBER_768, 1184, 2400, 1116), (ECIES_ED25519_KYBER_768, 1216, 2432, 1176)]
    {
        let (sk, pk) = generate(alg, &mut Seeded::new(1)).unwrap();
        assert_eq!((pk.alg(), sk.alg()), (alg, alg));
        assert_eq!((pk.to_bytes().len(), sk.to_bytes().len()), (public, secret));
        assert_eq!(PublicKey::from_bytes(alg, &pk.to_bytes()).unwrap(), pk);
        assert_eq!(PublicKey::from_wire(alg, &pk.to_wire()).unwrap(), pk);
        let sk = SecretKey::from_bytes(alg, &sk.to_bytes()).unwrap();
        assert_eq!(sk.public_key().unwrap(), pk);
        for data in [b"".as_slice(), b"a", &[7; 5000]] {
            let sealed = pk.encrypt(&mut Seeded::new(2), data).unwrap();
            assert_eq!(sealed.len(), data.len() + adds);
            assert_eq!(sk.decrypt(&sealed).unwrap().as_slice(), data);
        }
    }
}

#[test]
fn the_same_rng_gives_the_same_bytes() {
    for alg in ALL {
        let make = |seed| {
            let rng = &mut Seeded::new(seed);
            let (sk, pk) = generate(alg, rng).unwrap();
            let sealed = pk.encrypt(rng, b"text").unwrap();
            (sk.to_bytes(), pk.to_bytes(), sealed)
        };
        assert_eq!(make(5), make(5));
        assert_ne!(make(5).2, make(6).2);
    }
}

#[test]
fn hybrid_is_kyber_around_ecies() {
    let (sk, pk) = generate(DEFAULT, &mut Seeded::new(1)).unwrap();
    let (sk, sealed) = (sk.to_bytes(), pk.encrypt(&mut Seeded::new(2), b"text").unwrap());
    let inner = SecretKey::from_bytes(KYBER_768, &sk[32..]).unwrap().decrypt(&sealed).unwrap();
    let plain = SecretKey::from_bytes(ECIES_ED25519, &sk[..32]).unwrap().decrypt(&inner).unwrap();
    assert_eq!(plain.as_slice(), b"text");
}

#[test]
fn outputs_of_a_fixed_rng_are_frozen() {
    let made: Vec<_> = ALL
        .iter()
        .map(|alg| {
            let rng = &mut Seeded::new(5);
            let (sk, pk) = generate(alg, rng).unwrap();
            let all = [sk.to_bytes().to_vec(), pk.to_bytes(), pk.encrypt(rng, b"text").unwrap()].concat();
            format!("{alg} {}", hex::encode(crate::hash::sha256(&all)))
        })
        .collect();
    insta::assert_snapshot!(made.join("\n"));
}

#[test]
fn hybrid_wire_has_the_length_seen_on_the_wire() {
    // sentc.md 12.5: the JSON text itself, with its line ends as two characters each.
    let (_, pk) = generate(DEFAULT, &mut Seeded::new(1)).unwrap();
    let text = pk.to_wire();
    assert_eq!(text.len(), 1799);
    assert!(text.starts_with(r#"{"x":"-----BEGIN PUBLIC KEY-----\n"#));
    assert!(text.ends_with(r#"\n-----END PUBLIC KEY-----\n"}"#));
}

#[test]
fn login_challenge_has_the_length_seen_on_the_wire() {
    // A token of 67 characters; sentc.md 4.2 tells 1660 characters of base64.
    let (_, pk) = generate(DEFAULT, &mut Seeded::new(1)).unwrap();
    let sealed = pk.encrypt(&mut Seeded::new(2), &[b'a'; 67]).unwrap();
    assert_eq!(crate::encoding::b64_encode(&sealed).len(), 1660);
}

#[test]
fn any_changed_or_missing_byte_fails() {
    for alg in ALL {
        let (sk, pk) = generate(alg, &mut Seeded::new(1)).unwrap();
        let sealed = pk.encrypt(&mut Seeded::new(2), b"text").unwrap();
        for at in (0..sealed.len()).step_by(if alg == ECIES_ED25519 { 1 } else { 23 }) {
            // Not the top bit: X25519 ignores it in the ephemeral key, and the AES key then stays the same.
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(sk.decrypt(&changed).unwrap_err(), CryptoError::Decrypt, "{alg} {at}");
            assert_eq!(sk.decrypt(&sealed[..at]).unwrap_err(), CryptoError::Decrypt, "{alg} {at}");
        }
        let mut longer = sealed.clone();
        longer.push(0);
        assert_eq!(sk.decrypt(&longer).unwrap_err(), CryptoError::Decrypt);
        let (other, _) = generate(alg, &mut Seeded::new(3)).unwrap();
        assert_eq!(other.decrypt(&sealed).unwrap_err(), CryptoError::Decrypt);
    }
}

#[test]
fn names_and_lengths_must_fit() {
    for alg in ["", "ecies-ed25519", "ML_KEM_768", "RSA"] {
        assert_eq!(generate(alg, &mut Seeded::new(1)).unwrap_err(), CryptoError::UnknownAlgorithm);
        assert_eq!(PublicKey::from_wire(alg, "").unwrap_err(), CryptoError::UnknownAlgorithm);
        assert_eq!(PublicKey::from_bytes(alg, &[]).unwrap_err(), CryptoError::UnknownAlgorithm);
        assert_eq!(SecretKey::from_bytes(alg, &[]).unwrap_err(), CryptoError::UnknownAlgorithm);
    }
    for alg in ALL {
        let (sk, pk) = generate(alg, &mut Seeded::new(1)).unwrap();
        for other in ALL.into_iter().filter(|other| *other != alg) {
            assert!(PublicKey::from_wire(other, &pk.to_wire()).is_err(), "{alg} as {other}");
            assert_eq!(PublicKey::from_bytes(other, &pk.to_bytes()).unwrap_err(), CryptoError::Length);
            assert_eq!(SecretKey::from_bytes(other, &sk.to_bytes()).unwrap_err(), CryptoError::Length);
        }
        let (short, long) = (&pk.to_bytes()[1..], [pk.to_bytes(), vec![0]].concat());
        assert_eq!(PublicKey::from_bytes(alg, short).unwrap_err(), CryptoError::Length);
        assert_eq!(PublicKey::from_bytes(alg, &long).unwrap_err(), CryptoError::Length);
        assert_eq!(SecretKey::from_bytes(alg, &sk.to_bytes()[1..]).unwrap_err(), CryptoError::Length);
        assert_eq!(SecretKey::from_bytes(alg, &[]).unwrap_err(), CryptoError::Length);
    }
}

#[test]
fn hybrid_json_is_strict() {
    let (_, pk) = generate(DEFAULT, &mut Seeded::new(1)).unwrap();
    let text = pk.to_wire();
    let bad = [
        text.replacen("\"x\"", "\"y\"", 1),
        text.replacen('{', "{\"z\":\"\",", 1),
        text.replacen("\\n", "", 1),
        format!("{text}{text}"),
        format!("[{text}]"),
        text.strip_suffix('}').unwrap().to_owned(),
        "{}".to_owned(),
        String::new(),
    ];
    for bad in bad {
        assert_eq!(PublicKey::from_wire(DEFAULT, &bad).unwrap_err(), CryptoError::Encoding, "{bad}");
    }
    let swapped = text.replacen("\"x\"", "\"y\"", 1).replacen("\"k\"", "\"x\"", 1).replacen("\"y\"", "\"k\"", 1);
    assert_eq!(PublicKey::from_wire(DEFAULT, &swapped).unwrap_err(), CryptoError::Length);
}

#[test]
fn points_of_small_order_are_refused() {
    // 0, 1, p - 1, p, p + 1 and the two points of order 8 (RFC 7748, section 6.1 and the curve's known small points).
    let points = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ];
    let (sk, _) = generate(ECIES_ED25519, &mut Seeded::new(1)).unwrap();
    for point in points {
        let point = hex::decode(point).unwrap();
        let pk = PublicKey::from_bytes(ECIES_ED25519, &point).unwrap();
        assert_eq!(pk.encrypt(&mut Seeded::new(2), b"text").unwrap_err(), CryptoError::Encrypt);
        let sealed = [point, vec![0; 44]].concat();
        assert_eq!(sk.decrypt(&sealed).unwrap_err(), CryptoError::Decrypt);
    }
}

#[test]
fn hkdf_rfc_5869() {
    let cases: [(Option<&str>, &str, &str); 2] = [
        (
            Some("000102030405060708090a0b0c"),
            "f0f1f2f3f4f5f6f7f8f9",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (None, "", "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"),
    ];
    for (salt, info, want) in cases {
        let salt = salt.map(|salt| hex::decode(salt).unwrap());
        let mut okm = [0; 42];
        let hkdf = hkdf::Hkdf::<sha2::Sha256>::new(salt.as_deref(), &[0x0b; 22]);
        hkdf.expand(&hex::decode(info).unwrap(), &mut okm).unwrap();
        assert_eq!(hex::encode(okm), want);
    }
}

#[test]
fn kyber_numbers_outside_of_the_field_are_refused() {
    let (sk, pk) = generate(KYBER_768, &mut Seeded::new(1)).unwrap();
    for at in [0, 1, 3, 1149, 1150] {
        let mut bytes = pk.to_bytes();
        bytes[at] = 0xff;
        bytes[at + 1] = 0xff;
        assert_eq!(PublicKey::from_bytes(KYBER_768, &bytes).unwrap_err(), CryptoError::Input, "{at}");
        let mut bytes = sk.to_bytes();
        bytes[at] = 0xff;
        bytes[at + 1] = 0xff;
        assert_eq!(SecretKey::from_bytes(KYBER_768, &bytes).unwrap_err(), CryptoError::Input, "{at}");
    }
    // The largest allowed number, 3328 = 0xd00, and the first refused.
    let mut bytes = pk.to_bytes();
    bytes[..3].copy_from_slice(&[0x00, 0x0d, 0xd0]);
    assert!(PublicKey::from_bytes(KYBER_768, &bytes).is_ok());
    bytes[..3].copy_from_slice(&[0x01, 0x0d, 0xd0]);
    assert_eq!(PublicKey::from_bytes(KYBER_768, &bytes).unwrap_err(), CryptoError::Input);
    bytes[..3].copy_from_slice(&[0x00, 0x1d, 0xd0]);
    assert_eq!(PublicKey::from_bytes(KYBER_768, &bytes).unwrap_err(), CryptoError::Input);
    // The seed behind the numbers may be anything; in the secret key the hash guards the public key.
    let mut bytes = pk.to_bytes();
    bytes[1152..].fill(0xff);
    assert!(PublicKey::from_bytes(KYBER_768, &bytes).is_ok());
    let mut bytes = sk.to_bytes();
    bytes[1152 + 1183] ^= 1;
    assert_eq!(SecretKey::from_bytes(KYBER_768, &bytes).unwrap_err(), CryptoError::Input);
}

#[test]
fn debug_shows_nothing_secret() {
    let shown: Vec<_> = ALL.iter().map(|alg| format!("{:?}", generate(alg, &mut Seeded::new(1)).unwrap())).collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    (SecretKey(ECIES-ed25519, ..), PublicKey(ECIES-ed25519, ..))
    (SecretKey(KYBER_768, ..), PublicKey(KYBER_768, ..))
    (SecretKey(ECIES-ed25519_KYBER_768, ..), PublicKey(ECIES-ed25519_KYBER_768, ..))
    ");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_data_round_trips(data: Vec<u8>, seed: u64) {
        for alg in ALL {
            let rng = &mut Seeded::new(seed);
            let (sk, pk) = generate(alg, rng).unwrap();
            let sealed = pk.encrypt(rng, &data).unwrap();
            let opened = sk.decrypt(&sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), data.as_slice());
        }
    }

    #[test]
    fn random_input_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..3000), text: String) {
        for alg in ALL {
            let (sk, _) = generate(alg, &mut Seeded::new(1)).unwrap();
            prop_assert_eq!(sk.decrypt(&bytes).unwrap_err(), CryptoError::Decrypt);
            prop_assert!(PublicKey::from_wire(alg, &text).is_err());
            let _ = PublicKey::from_bytes(alg, &bytes);
            let _ = SecretKey::from_bytes(alg, &bytes);
        }
    }

    #[test]
    fn any_public_key_in_the_field_encrypts(seed: u64) {
        // Debug builds check for overflow: a hostile key must not stop the server.
        let rng = &mut Seeded::new(seed);
        let mut bytes = crate::rng::bytes::<1184>(rng);
        for three in bytes[..1152].as_chunks_mut::<3>().0 {
            let [low, high] = [0, 1].map(|_| if seed.is_multiple_of(3) { 3328 } else { Rng::next_u32(rng) % 3329 });
            *three = [low as u8, (low >> 8 | (high & 15) << 4) as u8, (high >> 4) as u8];
        }
        let pk = PublicKey::from_bytes(KYBER_768, &bytes).unwrap();
        prop_assert!(pk.encrypt(rng, b"text").is_ok());
    }
}
