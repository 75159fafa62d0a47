//! Passwords that a server judges itself (identity API): Argon2id 1.3 (RFC 9106), kept as a PHC string with salt and cost.
//!
//! Each hash says at what cost it was made, so the cost can change: old ones still verify, and [`needs_rehash`] tells which
//! to make anew when the password is there.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};

use crate::rng::{self, CryptoRng};
use crate::{CryptoError, Result, hash};

/// Output bytes of a new hash.
const OUTPUT: usize = 32;
/// Salt bytes of a new hash.
const SALT: usize = 16;

/// What a hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory, KiB: at least 8 for each lane.
    pub memory_kib: u32,
    /// Passes.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

/// Memory of hashes, taken once and used for many.
#[derive(Default)]
pub struct Memory(Vec<Block>);

impl Cost {
    fn params(self, output: usize) -> Result<Params> {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(output)).or(Err(CryptoError::Input))
    }
}

impl Memory {
    fn for_params(&mut self, params: &Params) -> &mut [Block] {
        let blocks = params.block_count();
        if self.0.len() < blocks {
            self.0 = vec![Block::default(); blocks];
        }
        self.0.get_mut(..blocks).unwrap_or_default()
    }
}

/// Hashes a password with a new salt. Output: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`. Errors: `Input` for a cost that
/// Argon2 does not know.
pub fn make(rng: &mut dyn CryptoRng, password: &str, cost: Cost, memory: &mut Memory) -> Result<String> {
    let params = cost.params(OUTPUT)?;
    let salt = rng::bytes::<SALT>(rng);
    let output = run(password, &salt, &params, memory, OUTPUT)?;
    let text = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).or(Err(CryptoError::Input))?,
        salt: Some(Salt::new(&salt).or(Err(CryptoError::Input))?),
        hash: Some(Output::new(&output).or(Err(CryptoError::Input))?),
    };
    Ok(text.to_string())
}

/// True when the password is the one of this hash; takes as long as the hash's own cost. A hash that cannot be read fits no
/// password: [`is_readable`] tells.
pub fn verify(password: &str, phc: &str, memory: &mut Memory) -> bool {
    let Some((params, salt, expected)) = parse(phc) else { return false };
    match run(password, &salt, &params, memory, expected.len()) {
        Ok(output) => hash::ct_eq(&output, &expected),
        Err(_unusable) => false,
    }
}

/// True for an Argon2id PHC string that [`verify`] can judge.
pub fn is_readable(phc: &str) -> bool {
    parse(phc).is_some()
}

/// True when a hash was made at another cost than this one.
pub fn needs_rehash(phc: &str, cost: Cost) -> bool {
    parse(phc).is_none_or(|(params, ..)| {
        let made = Cost { memory_kib: params.m_cost(), passes: params.t_cost(), lanes: params.p_cost() };
        made != cost
    })
}

fn run(password: &str, salt: &[u8], params: &Params, memory: &mut Memory, output: usize) -> Result<Vec<u8>> {
    let mut out = vec![0; output];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let blocks = memory.for_params(params);
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut out, blocks).or(Err(CryptoError::Input))?;
    Ok(out)
}

fn parse(phc: &str) -> Option<(Params, Vec<u8>, Vec<u8>)> {
    let parsed = PasswordHash::new(phc).ok()?;
    let version: u32 = Version::V0x13.into();
    if parsed.algorithm != ARGON2ID_IDENT || parsed.version != Some(version) {
        return None;
    }
    let params = Params::try_from(&parsed).ok()?;
    let (salt, hash) = (parsed.salt?.as_ref().to_vec(), parsed.hash?.as_bytes().to_vec());
    Some((params, salt, hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOMINAL: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    /// From the tests of Argon2's reference implementation.
    const FROZEN: [(&str, &str); 2] = [
        ("password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
        ("password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"),
    ];

    #[test]
    fn hashes_of_the_reference_program_verify() {
        for (password, phc) in FROZEN {
            assert!(verify(password, phc, &mut Memory::default()), "{phc}");
            assert!(!verify("Password", phc, &mut Memory::default()));
        }
    }

    #[test]
    fn made_verified_and_made_anew_at_another_cost() {
        let mut memory = Memory::default();
        let phc = make(&mut rng::os(), "correct horse", NOMINAL, &mut memory).expect("made");
        assert!(phc.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{phc}");
        assert!(verify("correct horse", &phc, &mut memory) && !verify("correct horsf", &phc, &mut memory));
        assert_ne!(phc, make(&mut rng::os(), "correct horse", NOMINAL, &mut memory).expect("made"));
        assert!(!needs_rehash(&phc, NOMINAL));
        assert!(needs_rehash(&phc, Cost { passes: 2, ..NOMINAL }));
        // Memory that was larger, or smaller, does no harm.
        let large = make(&mut rng::os(), "x", Cost { memory_kib: 256, ..NOMINAL }, &mut memory).expect("made");
        assert!(verify("correct horse", &phc, &mut memory) && verify("x", &large, &mut memory));
    }

    #[test]
    fn nothing_else_is_a_hash() {
        let phc = make(&mut rng::os(), "x", NOMINAL, &mut Memory::default()).expect("made");
        assert!(is_readable(&phc));
        let bad = [
            String::new(),
            "x".to_owned(),
            phc.replace("argon2id", "argon2i"),
            phc.replace("v=19", "v=16"),
            phc.replace("m=64", "m=1"),
            "$2b$10$abcdefghijklmnopqrstuu1234567890123456789012345678901".to_owned(),
        ];
        for text in bad {
            assert!(!is_readable(&text) && !verify("x", &text, &mut Memory::default()), "{text}");
            assert!(needs_rehash(&text, NOMINAL));
        }
        assert!(make(&mut rng::os(), "x", Cost { memory_kib: 1, ..NOMINAL }, &mut Memory::default()).is_err());
    }
}
