//! What Kyber's 90s variant takes from AES-256 in counter mode: the matrix and the noise.

use aes::Aes256;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use zeroize::{Zeroize, Zeroizing};

use super::poly::{N, Poly, Q, Vector, numbers_12};
use super::{K, SEED};

const BLOCK: usize = 16;
/// First blocks of a polynomial of the matrix. 33 blocks are 352 numbers of 12 bits, of which 286 are below q on
/// average; one in 10^5 polynomials needs more than that.
const FIRST_BLOCKS: usize = 33;
/// Further blocks. A number of three, so that no number of 12 bits lies across a border.
const MORE_BLOCKS: usize = 3;
/// Bytes of the noise of one polynomial.
const NOISE: usize = N / 2;

/// A row of the matrix (or of its transpose); `name` gives the two bytes that name the polynomial of a column.
pub(super) fn matrix_row(seed: &[u8; SEED], name: impl Fn(u8) -> [u8; 2]) -> Vector {
    let aes = Aes256::new(seed.into());
    let mut column = 0;
    [(); K].map(|()| {
        let poly = uniform(&aes, name(column));
        column += 1;
        poly
    })
}

/// Noise of one seed.
pub(super) struct Noise(Aes256);

impl Noise {
    pub(super) fn new(seed: &[u8; SEED]) -> Self {
        Self(Aes256::new(seed.into()))
    }

    /// A polynomial of small numbers; `nonce` tells those of one seed apart.
    pub(super) fn poly(&self, nonce: u8) -> Poly {
        let bytes: Zeroizing<[u8; NOISE]> = Zeroizing::new(stream::<{ NOISE / BLOCK }, NOISE>(&self.0, [nonce, 0], 0));
        Poly::binomial(&bytes)
    }
}

/// Numbers below q from a stream of 12 bit numbers (all of it is public).
fn uniform(aes: &Aes256, name: [u8; 2]) -> Poly {
    let mut poly = Poly::ZERO;
    let first = stream::<FIRST_BLOCKS, { FIRST_BLOCKS * BLOCK }>(aes, name, 0);
    let mut filled = take(&mut poly.0, &first);
    let mut counter = FIRST_BLOCKS;
    while filled < N {
        let more = stream::<MORE_BLOCKS, { MORE_BLOCKS * BLOCK }>(aes, name, counter);
        counter += MORE_BLOCKS;
        filled += take(poly.0.get_mut(filled..).unwrap_or_default(), &more);
    }
    poly
}

/// Fills `out` from the front with what is below q; gives how many there were.
fn take(out: &mut [i16], bytes: &[u8]) -> usize {
    let mut filled = 0;
    for three in bytes.as_chunks::<3>().0 {
        for number in numbers_12(three) {
            if let Some(place) = out.get_mut(filled) {
                // Written in any case, and kept by counting: no branch that is guessed wrong every fifth time.
                *place = number;
                filled += usize::from(number < Q);
            }
        }
    }
    filled
}

/// Blocks of the key stream from a block counter on. The nonce is two bytes and ten zeros, the counter 32 bits, big endian.
fn stream<const BLOCKS: usize, const BYTES: usize>(aes: &Aes256, nonce: [u8; 2], counter: usize) -> [u8; BYTES] {
    let [x, y] = nonce;
    let mut blocks = [Array::from([0; BLOCK]); BLOCKS];
    for (number, block) in (counter..).zip(&mut blocks) {
        // Below 2^32 by far: a polynomial takes some 35 blocks.
        let [.., b, c] = number.to_be_bytes();
        *block = Array::from([x, y, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b, c]);
    }
    aes.encrypt_blocks(&mut blocks);
    let mut out = [0; BYTES];
    for (out, block) in out.as_chunks_mut::<BLOCK>().0.iter_mut().zip(&mut blocks) {
        *out = (*block).into();
        block.as_mut_slice().zeroize();
    }
    out
}
