//! Kyber-768 90s for processors: after pqc_kyber_edit 0.7.2 (MIT or Apache-2.0), with AES of the `aes` crate, which uses the
//! processor's instructions, where that one expands the matrix with AES in software; and with loops that compilers turn
//! into vector code. A third of the time to encapsulate, which every login costs the server (docs/adr/0006). Tests hold
//! it to the bytes of that crate and of PQClean.
//!
//! Kyber, specification of round 3 (2021), sections 1.2 and 1.3, in the 90s variant: XOF and PRF are AES-256 in counter
//! mode, H is SHA-256, G is SHA-512, KDF is SHA-256.

mod poly;
mod symmetric;

use sha2::{Digest, Sha512};
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use self::poly::{Poly, Prepared, Vector};
use self::symmetric::{Noise, matrix_row};
use super::{CIPHERTEXT, KeyPair, POLYNOMIALS, PUBLIC, Shared};
use crate::hash::sha256;
use crate::rng::{self, CryptoRng};
use crate::{CryptoError, Result};

/// Polynomials of a vector.
const K: usize = 3;
/// Bytes of a seed, a message, a hash.
const SEED: usize = 32;
/// Bytes of the compressed vector in a ciphertext; the compressed polynomial follows.
const COMPRESSED: usize = K * poly::COMPRESSED_10;

/// A fresh key pair: secret, public.
#[expect(clippy::unnecessary_wraps, reason = "the other implementation can fail")]
pub(super) fn keypair(rng: &mut dyn CryptoRng) -> Result<KeyPair> {
    let d = Zeroizing::new(rng::bytes::<SEED>(rng));
    let (public_seed, noise_seed) = g(&[d.as_slice()]);
    let noise = Noise::new(&noise_seed);
    let mut s = Zeroizing::new([0, 1, 2].map(|n| noise.poly(n)));
    let mut e = Zeroizing::new([3, 4, 5].map(|n| noise.poly(n)));
    s.iter_mut().chain(e.iter_mut()).for_each(Poly::ntt);
    let prepared = Prepared::new(&s);
    let mut public = Vec::with_capacity(PUBLIC);
    for (row, e) in (0_u8..).zip(e.iter()) {
        // The matrix itself is made of (column, row), its transpose of (row, column).
        let mut t = prepared.times(&matrix_row(&public_seed, |column| [column, row]));
        t.enter_montgomery();
        t.add(e);
        t.reduce();
        t.pack_12(&mut public);
    }
    public.extend_from_slice(public_seed.as_slice());
    let mut secret = Zeroizing::new(Vec::with_capacity(super::SECRET));
    s.iter().for_each(|s| s.pack_12(&mut secret));
    secret.extend_from_slice(&public);
    secret.extend_from_slice(&sha256(&public));
    secret.extend_from_slice(Zeroizing::new(rng::bytes::<SEED>(rng)).as_slice());
    let public = public.try_into().expect("three polynomials and a seed");
    Ok((secret, public))
}

/// A fresh shared secret, and what only the holder of the secret key opens it from.
#[expect(clippy::unnecessary_wraps, reason = "the other implementation can fail")]
pub(super) fn encapsulate(rng: &mut dyn CryptoRng, public: &[u8; PUBLIC]) -> Result<([u8; CIPHERTEXT], Shared)> {
    let drawn = Zeroizing::new(rng::bytes::<SEED>(rng));
    // What the system's generator gave is not shown.
    let message = Zeroizing::new(sha256(drawn.as_slice()));
    let (pre_key, coins) = g(&[message.as_slice(), &sha256(public)]);
    let kem = encrypt(public, &message, &coins);
    let shared = kdf(&pre_key, &kem);
    Ok((kem, shared))
}

/// The shared secret; a random one for a ciphertext that `encapsulate` did not make (implicit rejection).
/// `secret` has `SECRET` bytes.
pub(super) fn decapsulate(kem: &[u8; CIPHERTEXT], secret: &[u8]) -> Result<Shared> {
    let (s, rest) = secret.split_at_checked(POLYNOMIALS).ok_or(CryptoError::Decrypt)?;
    let (public, rest) = rest.split_first_chunk::<PUBLIC>().ok_or(CryptoError::Decrypt)?;
    let (public_hash, z) = rest.split_first_chunk::<SEED>().ok_or(CryptoError::Decrypt)?;
    let z = z.first_chunk::<SEED>().ok_or(CryptoError::Decrypt)?;
    let message = decrypt(kem, s);
    let (mut pre_key, coins) = g(&[message.as_slice(), public_hash]);
    let right = encrypt(public, &message, &coins).ct_eq(kem);
    for (key, random) in pre_key.iter_mut().zip(z) {
        key.conditional_assign(random, !right);
    }
    Ok(kdf(&pre_key, kem))
}

fn encrypt(public: &[u8; PUBLIC], message: &[u8; SEED], coins: &[u8; SEED]) -> [u8; CIPHERTEXT] {
    let (t, public_seed) = public.split_at(POLYNOMIALS);
    let public_seed = public_seed.try_into().expect("a seed follows the polynomials");
    let noise = Noise::new(coins);
    let mut r = Zeroizing::new([0, 1, 2].map(|n| noise.poly(n)));
    r.iter_mut().for_each(Poly::ntt);
    let prepared = Prepared::new(&r);
    let mut kem = Vec::with_capacity(CIPHERTEXT);
    for row in 0_u8..3 {
        let mut u = prepared.times(&matrix_row(public_seed, |column| [row, column]));
        u.inverse_ntt();
        u.add(&noise.poly(3 + row));
        u.reduce();
        u.compress_10(&mut kem);
    }
    let mut v = prepared.times(&unpack(t));
    v.inverse_ntt();
    v.add(&noise.poly(6));
    v.add(&Poly::from_message(message));
    v.reduce();
    v.compress_4(&mut kem);
    kem.try_into().expect("three polynomials of 10 bits and one of 4")
}

fn decrypt(kem: &[u8; CIPHERTEXT], s: &[u8]) -> Zeroizing<[u8; SEED]> {
    let (u, v) = kem.split_at(COMPRESSED);
    let mut u: Vector = polys(u, poly::COMPRESSED_10, Poly::decompress_10);
    u.iter_mut().for_each(Poly::ntt);
    let s = Zeroizing::new(unpack(s));
    let mut sum = Zeroizing::new(Prepared::new(&u).times(&s));
    sum.inverse_ntt();
    sum.subtract_from(&Poly::decompress_4(v));
    sum.reduce();
    Zeroizing::new(sum.message())
}

fn unpack(bytes: &[u8]) -> Vector {
    polys(bytes, poly::PACKED_12, Poly::unpack_12)
}

fn polys(bytes: &[u8], each: usize, read: fn(&[u8]) -> Poly) -> Vector {
    let mut parts = bytes.chunks_exact(each);
    [(); K].map(|()| read(parts.next().unwrap_or_default()))
}

/// G: two halves of SHA-512.
fn g(parts: &[&[u8]]) -> (Zeroizing<[u8; SEED]>, Zeroizing<[u8; SEED]>) {
    let mut hash = Sha512::new();
    parts.iter().for_each(|part| hash.update(part));
    let out = Zeroizing::new(<[u8; 2 * SEED]>::from(hash.finalize()));
    let (first, second) = out.split_at(SEED);
    let half = |half: &[u8]| Zeroizing::new(half.try_into().expect("half of SHA-512"));
    (half(first), half(second))
}

fn kdf(pre_key: &[u8; SEED], kem: &[u8; CIPHERTEXT]) -> Shared {
    let both = Zeroizing::new([pre_key.as_slice(), &sha256(kem)].concat());
    Zeroizing::new(sha256(&both))
}
