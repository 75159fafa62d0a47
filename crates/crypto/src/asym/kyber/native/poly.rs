//! Polynomials of 256 numbers modulo q = 3329 and X^256 + 1 (Kyber, section 1.1). No branch and no address depends on a
//! number. Loops have the form that compilers turn into vector code.

use core::hint::black_box;

use zeroize::Zeroize;

use super::{K, SEED};

/// Numbers of a polynomial.
pub(super) const N: usize = 256;
/// The modulus.
pub(super) const Q: i16 = 3329;
/// Bytes of a polynomial in 12 bits per number.
pub(super) const PACKED_12: usize = N * 12 / 8;
/// Bytes of a polynomial in 10 bits per number.
pub(super) const COMPRESSED_10: usize = N * 10 / 8;

/// q^-1 modulo 2^16.
const Q_INVERSE: i16 = -3327;
/// 2^32 modulo q: a Montgomery product with it goes to Montgomery form.
const TO_MONTGOMERY: i16 = 1353;
/// 2^32 / 128 modulo q: undoes the factor of the inverse transform and goes to Montgomery form.
const INVERSE_FACTOR: i16 = 1441;

/// Powers of the root of unity 17, times 2^16, in bit-reversed order.
const ZETAS: [i16; 128] = [
    -1044, -758, -359, -1517, 1493, 1422, 287, 202, -171, 622, 1577, 182, 962, -1202, -1474, 1468, 573, -1325, 264,
    383, -829, 1458, -1602, -130, -681, 1017, 732, 608, -1542, 411, -205, -1571, 1223, 652, -552, 1015, -1293, 1491,
    -282, -1544, 516, -8, -320, -666, -1618, -1162, 126, 1469, -853, -90, -271, 830, 107, -1421, -247, -951, -398, 961,
    -1508, -725, 448, -1065, 677, -1275, -1103, 430, 555, 843, -1251, 871, 1550, 105, 422, 587, 177, -235, -291, -460,
    1574, 1653, -246, 778, 1159, -147, -777, 1483, -602, 1119, -1590, 644, -872, 349, 418, 329, -156, -75, 817, 1097,
    603, 610, 1322, -1285, -1465, 384, -1215, -136, 1218, -1335, -874, 220, -1187, -1659, -1185, -1530, -1278, 794,
    -1510, -854, -870, 478, -108, -308, 996, 991, 958, -1460, 1522, 1628,
];

/// A vector of polynomials.
pub(super) type Vector = [Poly; K];

/// A polynomial.
#[derive(Clone, Copy, Zeroize)]
pub(super) struct Poly(pub(super) [i16; N]);

/// A vector in the transform's domain, made ready to be multiplied several times: next to every pair (b0, b1) of numbers
/// stand (b0, b1 times its root) and (b1, b0), so that a product of pairs is two sums of two products.
pub(super) struct Prepared {
    straight: Vector,
    crossed: Vector,
}

impl Poly {
    pub(super) const ZERO: Self = Self([0; N]);

    /// Centred binomial numbers, -2 to 2, of 4 bits each.
    pub(super) fn binomial(bytes: &[u8; N / 2]) -> Self {
        let mut out = Self::ZERO;
        for (pair, byte) in out.0.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
            let sums = (byte & 0x55) + (byte >> 1 & 0x55);
            let number = |sums: u8| i16::from(sums & 3) - i16::from(sums >> 2 & 3);
            *pair = [number(sums), number(sums >> 4)];
        }
        out
    }

    /// One number per bit: 0 or half of q.
    pub(super) fn from_message(message: &[u8; SEED]) -> Self {
        let mut out = Self::ZERO;
        for (eight, byte) in out.0.as_chunks_mut::<8>().0.iter_mut().zip(message) {
            for (bit, number) in eight.iter_mut().enumerate() {
                // Keeps compilers from branching by the secret bit.
                let mask = black_box(i16::from(byte >> bit & 1)).wrapping_neg();
                *number = mask & ((Q + 1) / 2);
            }
        }
        out
    }

    /// The message: the nearest bit of each number, which is reduced.
    pub(super) fn message(&self) -> [u8; SEED] {
        let mut out = [0; SEED];
        for (byte, eight) in out.iter_mut().zip(self.0.as_chunks::<8>().0) {
            for (bit, number) in eight.iter().enumerate() {
                *byte |= u8::try_from(compress::<1>(*number)).unwrap_or_default() << bit;
            }
        }
        out
    }

    pub(super) fn unpack_12(bytes: &[u8]) -> Self {
        let mut out = Self::ZERO;
        for (pair, three) in out.0.as_chunks_mut::<2>().0.iter_mut().zip(bytes.as_chunks::<3>().0) {
            *pair = numbers_12(three);
        }
        out
    }

    pub(super) fn pack_12(&self, out: &mut Vec<u8>) {
        for [a, b] in self.0.as_chunks::<2>().0 {
            let (a, b) = (positive(*a).to_le_bytes(), positive(*b).to_le_bytes());
            out.extend_from_slice(&[a[0], a[1] | b[0] << 4, b[0] >> 4 | b[1] << 4]);
        }
    }

    pub(super) fn compress_10(&self, out: &mut Vec<u8>) {
        for [a, b, c, d] in self.0.as_chunks::<4>().0 {
            let low = u64::from(compress::<10>(*a)) | u64::from(compress::<10>(*b)) << 10;
            let high = u64::from(compress::<10>(*c)) | u64::from(compress::<10>(*d)) << 10;
            let [first @ .., _, _, _] = (low | high << 20).to_le_bytes();
            out.extend_from_slice(&first);
        }
    }

    pub(super) fn decompress_10(bytes: &[u8]) -> Self {
        let mut out = Self::ZERO;
        for (four, &[a, b, c, d, e]) in out.0.as_chunks_mut::<4>().0.iter_mut().zip(bytes.as_chunks::<5>().0) {
            let packed = u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]);
            *four = [
                decompress::<10>(packed),
                decompress::<10>(packed >> 10),
                decompress::<10>(packed >> 20),
                decompress::<10>(packed >> 30),
            ];
        }
        out
    }

    pub(super) fn compress_4(&self, out: &mut Vec<u8>) {
        for [a, b] in self.0.as_chunks::<2>().0 {
            out.push((compress::<4>(*a) | compress::<4>(*b) << 4).to_le_bytes()[0]);
        }
    }

    pub(super) fn decompress_4(bytes: &[u8]) -> Self {
        let mut out = Self::ZERO;
        for (pair, byte) in out.0.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
            *pair = [decompress::<4>(u64::from(*byte)), decompress::<4>(u64::from(byte >> 4))];
        }
        out
    }

    /// The number-theoretic transform, to reduced numbers.
    pub(super) fn ntt(&mut self) {
        let numbers = &mut self.0;
        layer::<128>(numbers, &ZETAS[1..2]);
        layer::<64>(numbers, &ZETAS[2..4]);
        layer::<32>(numbers, &ZETAS[4..8]);
        layer::<16>(numbers, &ZETAS[8..16]);
        layer::<8>(numbers, &ZETAS[16..32]);
        layer::<4>(numbers, &ZETAS[32..64]);
        layer::<2>(numbers, &ZETAS[64..128]);
        self.reduce();
    }

    /// Its inverse, to Montgomery form.
    pub(super) fn inverse_ntt(&mut self) {
        let numbers = &mut self.0;
        inverse_layer::<2>(numbers, &ZETAS[64..128]);
        inverse_layer::<4>(numbers, &ZETAS[32..64]);
        inverse_layer::<8>(numbers, &ZETAS[16..32]);
        inverse_layer::<16>(numbers, &ZETAS[8..16]);
        inverse_layer::<32>(numbers, &ZETAS[4..8]);
        inverse_layer::<64>(numbers, &ZETAS[2..4]);
        inverse_layer::<128>(numbers, &ZETAS[1..2]);
        for number in numbers {
            *number = product(*number, INVERSE_FACTOR);
        }
    }

    pub(super) fn enter_montgomery(&mut self) {
        for number in &mut self.0 {
            *number = product(*number, TO_MONTGOMERY);
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (number, other) in self.0.iter_mut().zip(&other.0) {
            *number = number.wrapping_add(*other);
        }
    }

    /// `other` less this.
    pub(super) fn subtract_from(&mut self, other: &Self) {
        for (number, other) in self.0.iter_mut().zip(&other.0) {
            *number = other.wrapping_sub(*number);
        }
    }

    /// To the representatives between -q/2 and q/2.
    pub(super) fn reduce(&mut self) {
        for number in &mut self.0 {
            *number = reduced(*number);
        }
    }
}

impl Prepared {
    /// `vector` is in the transform's domain and reduced.
    pub(super) fn new(vector: &Vector) -> Self {
        let mut made = Self { straight: *vector, crossed: *vector };
        for (straight, crossed) in made.straight.iter_mut().zip(&mut made.crossed) {
            let fours = straight.0.as_chunks_mut::<4>().0.iter_mut().zip(crossed.0.as_chunks_mut::<4>().0);
            for ((straight, crossed), zeta) in fours.zip(&ZETAS[64..]) {
                let [b0, b1, b2, b3] = *straight;
                *straight = [b0, product(b1, *zeta), b2, product(b3, zeta.wrapping_neg())];
                *crossed = [b1, b0, b3, b2];
            }
        }
        made
    }

    /// The inner product with `row`, whose numbers are reduced or below q: a polynomial in the transform's domain.
    pub(super) fn times(&self, row: &Vector) -> Poly {
        let mut out = Poly::ZERO;
        let [r0, r1, r2] = row.each_ref().map(|poly| poly.0.as_chunks::<2>().0);
        let [s0, s1, s2] = self.straight.each_ref().map(|poly| poly.0.as_chunks::<2>().0);
        let [c0, c1, c2] = self.crossed.each_ref().map(|poly| poly.0.as_chunks::<2>().0);
        let rows = r0.iter().zip(r1).zip(r2);
        let others = s0.iter().zip(s1).zip(s2).zip(c0.iter().zip(c1).zip(c2));
        let pairs = out.0.as_chunks_mut::<2>().0.iter_mut();
        for ((pair, ((r0, r1), r2)), (((s0, s1), s2), ((c0, c1), c2))) in pairs.zip(rows).zip(others) {
            // Six products of less than q^2 stay below q 2^15.
            *pair = [
                reduced(reduced_product(dot(*r0, *s0) + dot(*r1, *s1) + dot(*r2, *s2))),
                reduced(reduced_product(dot(*r0, *c0) + dot(*r1, *c1) + dot(*r2, *c2))),
            ];
        }
        out
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        self.straight.zeroize();
        self.crossed.zeroize();
    }
}

/// Two numbers of 12 bits.
#[inline(always)]
pub(super) fn numbers_12(&[a, b, c]: &[u8; 3]) -> [i16; 2] {
    let (a, b, c) = (i16::from(a), i16::from(b), i16::from(c));
    [a | (b & 0x0f) << 8, b >> 4 | c << 4]
}

#[inline(always)]
fn layer<const L: usize>(numbers: &mut [i16; N], zetas: &[i16]) {
    for (block, zeta) in numbers.chunks_exact_mut(2 * L).zip(zetas) {
        let (low, high) = block.split_at_mut(L);
        for (a, b) in low.iter_mut().zip(high) {
            let t = product(*b, *zeta);
            *b = a.wrapping_sub(t);
            *a = a.wrapping_add(t);
        }
    }
}

#[inline(always)]
fn inverse_layer<const L: usize>(numbers: &mut [i16; N], zetas: &[i16]) {
    for (block, zeta) in numbers.chunks_exact_mut(2 * L).zip(zetas.iter().rev()) {
        let (low, high) = block.split_at_mut(L);
        for (a, b) in low.iter_mut().zip(high) {
            let t = *a;
            *a = reduced(t.wrapping_add(*b));
            *b = product(b.wrapping_sub(t), *zeta);
        }
    }
}

/// a b / 2^16 modulo q, between -q and q, for |a b| < q 2^15 (Montgomery). The low halves of a b and of its multiple of q
/// are equal, so that the difference of the high halves is the difference.
#[inline(always)]
fn product(a: i16, b: i16) -> i16 {
    let multiple = a.wrapping_mul(b).wrapping_mul(Q_INVERSE);
    high_product(a, b).wrapping_sub(high_product(multiple, Q))
}

/// The same of a product that is there already.
#[expect(clippy::cast_possible_truncation, reason = "low and high half are what is wanted")]
#[inline(always)]
fn reduced_product(product: i32) -> i16 {
    let multiple = (product as i16).wrapping_mul(Q_INVERSE);
    ((product >> 16) as i16).wrapping_sub(high_product(multiple, Q))
}

/// The representative between -q/2 and q/2 (Barrett).
#[inline(always)]
fn reduced(a: i16) -> i16 {
    /// 2^26 / q, rounded.
    const INVERSE: i16 = 20159;
    let quotient = high_product(a, INVERSE).wrapping_add(1 << 9) >> 10;
    a.wrapping_sub(quotient.wrapping_mul(Q))
}

#[inline(always)]
fn high_product(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b)) >> 16) as i16
}

#[inline(always)]
fn dot([a0, a1]: [i16; 2], [b0, b1]: [i16; 2]) -> i32 {
    i32::from(a0) * i32::from(b0) + i32::from(a1) * i32::from(b1)
}

/// The representative between 0 and q - 1 of a number between -q and q - 1.
#[inline(always)]
fn positive(number: i16) -> u16 {
    number.wrapping_add(number >> 15 & Q).cast_unsigned()
}

/// x 2^BITS / q, rounded, modulo 2^BITS: without a division, whose time would tell the number (KyberSlash).
#[expect(clippy::cast_possible_truncation, reason = "BITS are at most 10")]
#[inline(always)]
fn compress<const BITS: u32>(number: i16) -> u16 {
    /// 2^36 / q, rounded up.
    const INVERSE: u64 = 20_642_679;
    let scaled = (u64::from(positive(number)) << BITS) + 1664;
    ((scaled * INVERSE) >> 36) as u16 & ((1 << BITS) - 1)
}

/// x q / 2^BITS, rounded; bits above BITS do not count.
#[expect(clippy::cast_possible_truncation, reason = "the result is at most q")]
#[inline(always)]
fn decompress<const BITS: u32>(packed: u64) -> i16 {
    let number = packed as u32 & ((1 << BITS) - 1);
    ((number * u32::from(Q.cast_unsigned()) + (1 << (BITS - 1))) >> BITS) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modulo(number: i64) -> i64 {
        number.rem_euclid(i64::from(Q))
    }

    #[test]
    fn every_number_is_reduced_and_compressed_as_the_specification_says() {
        for number in i16::MIN..=i16::MAX {
            let small = reduced(number);
            assert!(small.abs() <= Q / 2 && modulo(small.into()) == modulo(number.into()), "{number}");
        }
        let rounded = |x: i64, bits: u32| ((x << bits) as f64 / f64::from(Q)).round() as i64 & ((1 << bits) - 1);
        for number in -Q..Q {
            let x = modulo(number.into());
            assert_eq!(i64::from(compress::<1>(number)), rounded(x, 1), "{number}");
            assert_eq!(i64::from(compress::<4>(number)), rounded(x, 4), "{number}");
            assert_eq!(i64::from(compress::<10>(number)), rounded(x, 10), "{number}");
        }
        for packed in 0..1024 {
            let wide = (f64::from(Q) * packed as f64 / 1024.0).round() as i16;
            assert_eq!(decompress::<10>(packed | 1 << 10), wide);
        }
    }

    #[test]
    fn products_are_montgomery_products() {
        for a in (i16::MIN..=i16::MAX).step_by(7) {
            for b in ZETAS {
                let (got, want) = (product(a, b), i64::from(a) * i64::from(b));
                assert_eq!(modulo(i64::from(got) << 16), modulo(want), "{a} {b}");
                assert!(got.abs() < Q);
                assert_eq!(reduced_product(i32::from(a) * i32::from(b)), got);
            }
        }
    }

    #[test]
    fn zetas_are_the_powers_of_the_root() {
        let power = |n: u32| (0..n).fold(1 << 16, |x, _| modulo(x * 17));
        for (i, zeta) in (0_u8..).zip(ZETAS) {
            assert_eq!(modulo(zeta.into()), modulo(power(u32::from(i.reverse_bits() >> 1))), "{i}");
        }
        assert_eq!(modulo(i64::from(TO_MONTGOMERY)), modulo(1 << 32));
        assert_eq!(modulo(i64::from(INVERSE_FACTOR) * 128), modulo(1 << 32));
        assert_eq!(Q_INVERSE.wrapping_mul(Q), 1);
    }
}
