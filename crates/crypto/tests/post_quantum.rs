//! Frozen vectors of PQClean (crates pqcrypto-kyber 0.7.6 `kyber76890s`, pqcrypto-dilithium 0.4.6 `dilithium3aes`): keys,
//! ciphertexts and signatures that another implementation made. Before they were frozen, both implementations had opened
//! and verified 300 of each other's, under keys of either.
#![expect(clippy::unwrap_used, reason = "a test may stop where it fails")]

#[path = "common/seeded.rs"]
mod seeded;

use keystead_crypto::CryptoError;
use keystead_crypto::asym::{KYBER_768, PublicKey, SecretKey};
use keystead_crypto::sign::{DILITHIUM_3, SignKey, Signature, VerifyKey};
use keystead_crypto::sym::SymKey;
use seeded::Seeded;
use serde_json::Value;

#[test]
fn kyber_768_90s_of_pqclean_opens() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("vectors/kyber768_90s.json")).unwrap();
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let secret = SecretKey::from_bytes(KYBER_768, &bytes(&vector["sk"])).unwrap();
        let public = PublicKey::from_bytes(KYBER_768, &bytes(&vector["pk"])).unwrap();
        // Only the right 32 bytes of shared secret open the AES part.
        let shared = SymKey::from_bytes(&bytes(&vector["ss"])).unwrap();
        let body = shared.encrypt(&mut Seeded::new(1), b"text", b"").unwrap();
        let kem = bytes(&vector["ct"]);
        assert_eq!(secret.decrypt(&[kem.clone(), body].concat()).unwrap().as_slice(), b"text");

        // A changed ciphertext gives the pseudo-random secret that PQClean gives too.
        let mut changed = kem;
        changed[vector["changed_ct_byte"].as_u64().unwrap() as usize] ^= 1;
        let rejected = SymKey::from_bytes(&bytes(&vector["rejected_ss"])).unwrap();
        let body = rejected.encrypt(&mut Seeded::new(1), b"text", b"").unwrap();
        assert_eq!(secret.decrypt(&[changed, body].concat()).unwrap().as_slice(), b"text");

        let sealed = public.encrypt(&mut Seeded::new(1), b"ours").unwrap();
        assert_eq!(secret.decrypt(&sealed).unwrap().as_slice(), b"ours");
    }
}

#[test]
fn dilithium_3_aes_of_pqclean_verifies() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("vectors/dilithium3_aes.json")).unwrap();
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let verify = VerifyKey::from_bytes(DILITHIUM_3, &bytes(&vector["pk"])).unwrap();
        let message = vector["message"].as_str().unwrap().as_bytes();
        let signature = Signature::from_bytes(DILITHIUM_3, &bytes(&vector["signature"])).unwrap();
        assert_eq!(verify.verify(message, &signature), Ok(()));
        assert_eq!(verify.verify(b"another", &signature), Err(CryptoError::Signature));

        let sign = SignKey::from_bytes(DILITHIUM_3, &bytes(&vector["sk"])).unwrap();
        let ours = sign.sign(&mut Seeded::new(1), message).unwrap();
        assert_eq!(verify.verify(message, &ours), Ok(()));
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}
