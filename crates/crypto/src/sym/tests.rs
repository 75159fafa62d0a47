use proptest::prelude::*;

use super::*;
use crate::rng::seeded::Seeded;

/// AES-256 cases of "The Galois/Counter Mode of Operation" (13 to 16): key, nonce, aad, plain, cipher, tag.
const GCM_CASES: [[&str; 6]; 4] = [
    [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "000000000000000000000000",
        "",
        "",
        "",
        "530f8afbc74536b9a963b4f1c4cb738b",
    ],
    [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "000000000000000000000000",
        "",
        "00000000000000000000000000000000",
        "cea7403d4d606b6e074ec5d3baf39d18",
        "d0d1c8a799996bf0265b98b5d48ab919",
    ],
    [
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888",
        "",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657\
         ba637b391aafd255",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a\
         bcc9f662898015ad",
        "b094dac5d93471bdec1a502270e3cc6c",
    ],
    [
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657\
         ba637b39",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a\
         bcc9f662",
        "76fc6ece0f4e1768cddf8853bb2d551b",
    ],
];

#[test]
fn gcm_known_answers() {
    for [key, nonce, aad, plain, cipher, tag] in GCM_CASES.map(|case| case.map(|text| hex::decode(text).unwrap())) {
        let (key, nonce) = (key.try_into().unwrap(), nonce.try_into().unwrap());
        for seal in [backend::seal, portable::seal] {
            let mut body = plain.clone();
            let made = seal(&key, &nonce, &aad, &mut body).unwrap();
            assert_eq!((body, made.to_vec()), (cipher.clone(), tag.clone()));
        }
        let whole = [nonce.to_vec(), cipher, tag].concat();
        assert_eq!(SymKey::from_bytes(&key).unwrap().decrypt(&whole, &aad).unwrap().to_vec(), plain);
    }
}

#[test]
fn layout() {
    let key = SymKey::generate(&mut Seeded::new(1));
    let sealed = key.encrypt(&mut Seeded::new(2), b"text", b"").unwrap();
    assert_eq!(sealed.len(), 12 + 4 + 16);
    assert_eq!(sealed[..12], rng::bytes::<12>(&mut Seeded::new(2)));
    assert_ne!(sealed, key.encrypt(&mut rng::os(), b"text", b"").unwrap());
}

#[test]
fn any_changed_or_missing_byte_fails() {
    let key = SymKey::generate(&mut Seeded::new(1));
    let sealed = key.encrypt(&mut Seeded::new(2), b"some text", b"aad").unwrap();
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut changed = sealed.clone();
            changed[at] ^= 1 << bit;
            assert_eq!(key.decrypt(&changed, b"aad").unwrap_err(), CryptoError::Decrypt);
        }
        assert_eq!(key.decrypt(&sealed[..at], b"aad").unwrap_err(), CryptoError::Decrypt);
    }
    assert_eq!(key.decrypt(&sealed, b"aae").unwrap_err(), CryptoError::Decrypt);
    assert_eq!(key.decrypt(&sealed, b"").unwrap_err(), CryptoError::Decrypt);
    assert_eq!(key.decrypt(&[sealed.clone(), vec![0]].concat(), b"aad").unwrap_err(), CryptoError::Decrypt);
    let other = SymKey::generate(&mut Seeded::new(3));
    assert_eq!(other.decrypt(&sealed, b"aad").unwrap_err(), CryptoError::Decrypt);
    assert_eq!(key.decrypt(&sealed, b"aad").unwrap().as_slice(), b"some text");
}

#[test]
fn names_and_lengths_must_fit() {
    for len in [0, 16, 31, 33, 64] {
        assert_eq!(SymKey::from_bytes(&vec![0; len]).unwrap_err(), CryptoError::Length);
    }
    assert_eq!(SymKey::from_alg("AES-GCM-128", &[0; 32]).unwrap_err(), CryptoError::UnknownAlgorithm);
    let key = SymKey::generate(&mut Seeded::new(1));
    assert_eq!(SymKey::from_alg(key.alg(), key.as_bytes()), Ok(key));
}

#[test]
fn debug_shows_nothing() {
    insta::assert_snapshot!(format!("{:?}", SymKey::from_bytes(&[65; 32]).unwrap()), @"SymKey(..)");
}

proptest! {
    #[test]
    fn any_data_round_trips(seed: u64, data: Vec<u8>, aad: Vec<u8>) {
        let rng = &mut Seeded::new(seed);
        let key = SymKey::generate(rng);
        let sealed = key.encrypt(rng, &data, &aad).unwrap();
        let opened = key.decrypt(&sealed, &aad).unwrap();
        prop_assert_eq!(opened.as_slice(), data.as_slice());
    }

    #[test]
    fn both_backends_make_and_open_the_same(key: [u8; 32], nonce: [u8; 12], data: Vec<u8>, aad: Vec<u8>, flip: u8) {
        let (mut a, mut b) = (data.clone(), data.clone());
        let tag = backend::seal(&key, &nonce, &aad, &mut a).unwrap();
        prop_assert_eq!(tag, portable::seal(&key, &nonce, &aad, &mut b).unwrap());
        prop_assert_eq!(&a, &b);
        let mut plain = vec![0; data.len()];
        portable::open(&key, &nonce, &aad, &a, &tag, &mut plain).unwrap();
        prop_assert_eq!(&plain, &data);
        let mut tag = tag;
        tag[usize::from(flip) % 16] ^= 1 | flip;
        for open in [backend::open, portable::open] {
            prop_assert_eq!(open(&key, &nonce, &aad, &a, &tag, &mut plain), Err(CryptoError::Decrypt));
        }
    }

    #[test]
    fn random_input_is_refused(bytes: Vec<u8>) {
        let key = SymKey::generate(&mut Seeded::new(1));
        prop_assert_eq!(key.decrypt(&bytes, b"").unwrap_err(), CryptoError::Decrypt);
    }
}
