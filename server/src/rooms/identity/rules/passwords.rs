//! What a password must be, and passwords that the server makes.

use keystead_crypto::rng;
use zeroize::Zeroizing;

use crate::config::{IdentityConfig, PasswordPolicy};

/// Most bytes of a password: hashing must not be asked for more (better-than 26).
pub const MAX_BYTES: usize = 1_024;
/// zxcvbn looks at so many characters: its work grows with the square.
const JUDGED_CHARS: usize = 100;
/// Guesses (power of ten) within which the lists of the most common passwords lie.
const COMMON_LOG10: f64 = 5.0;
/// Characters of a temporary password.
const TEMPORARY: usize = 20;

/// What is wrong with a password, as a sentence; `None` for a good one. `about` is what others know of the user.
#[must_use]
pub fn weakness(config: &IdentityConfig, password: &str, about: &[&str]) -> Option<String> {
    if password.len() > MAX_BYTES {
        return Some(format!("The password must not be longer than {MAX_BYTES} bytes."));
    }
    match config.policy {
        PasswordPolicy::Parts => (!has_five_parts(password)).then(|| {
            "The password must contain at least 8 characters, an upper-case letter, a lower-case letter, a number, and a \
             non-alphanumeric character."
                .to_owned()
        }),
        PasswordPolicy::Length => too_easy(config, password, about),
    }
}

/// The seed's rule: 8 characters (UTF-16 units, as browsers count), upper case, lower case, digit, and one that is none of these.
fn has_five_parts(password: &str) -> bool {
    let any = |test: fn(char) -> bool| password.chars().any(test);
    password.encode_utf16().count() >= 8
        && any(|c| c.is_ascii_uppercase())
        && any(|c| c.is_ascii_lowercase())
        && any(|c| c.is_ascii_digit())
        && any(|c| !c.is_ascii_alphanumeric())
}

/// OWASP ASVS 6.2.1, 6.2.4, 6.2.5, 6.2.11: length, no common passwords, no rules about kinds of characters, nothing of the user's
/// own name or address.
fn too_easy(config: &IdentityConfig, password: &str, about: &[&str]) -> Option<String> {
    if password.chars().count() < config.min_length {
        return Some(format!("The password must contain at least {} characters.", config.min_length));
    }
    let judged: String = password.chars().take(JUDGED_CHARS).collect();
    let words: Vec<&str> =
        about.iter().flat_map(|text| text.split(['@', '.', ' '])).chain(about.iter().copied()).collect();
    let entropy = zxcvbn::zxcvbn(&judged, &words);
    let common = entropy.guesses_log10() < COMMON_LOG10;
    (common || u8::from(entropy.score()) < config.min_score)
        .then(|| "The password is too easy to guess. Use a few uncommon words, or a longer one.".to_owned())
}

/// A temporary password: 20 characters with an upper-case and a lower-case letter, a digit and a symbol, all of which may
/// stand in a URL as they are.
#[must_use]
pub fn temporary() -> Zeroizing<String> {
    const KINDS: [&[u8]; 4] = [b"ABCDEFGHJKLMNPQRSTUVWXYZ", b"abcdefghijkmnopqrstuvwxyz", b"23456789", b"-.~!*"];
    let all = KINDS.concat();
    loop {
        let password: String = (0..TEMPORARY).map(|_| char::from(pick(&all))).collect();
        if KINDS.iter().all(|kind| password.bytes().any(|b| kind.contains(&b))) {
            return Zeroizing::new(password);
        }
    }
}

/// One of a few bytes, each as likely as the others.
fn pick(from: &[u8]) -> u8 {
    let fair = 256 - 256 % from.len();
    loop {
        let [byte] = rng::bytes::<1>(&mut rng::os());
        let byte = usize::from(byte);
        if let Some(picked) = from.get(byte % from.len()).filter(|_| byte < fair) {
            return *picked;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_five_parts() {
        let config = IdentityConfig::default();
        let weak = |password: &str| weakness(&config, password, &[]).is_some();
        for good in ["MyExamplePassword123*", "MyExample123_", "Aa1 aaaa", "Aa1éaaaa"] {
            assert!(!weak(good), "{good}");
        }
        for bad in ["", "Aa1*aaa", "aa1*aaaa", "AA1*AAAA", "Aaa*aaaa", "Aa1aaaaa"] {
            assert!(weak(bad), "{bad}");
        }
        assert!(!weak(&format!("Aa1*{}", "x".repeat(1_020))));
        assert!(weak(&format!("Aa1*{}", "x".repeat(1_021))), "better-than 26");
    }

    #[test]
    fn length_and_guessing() {
        let config = IdentityConfig { policy: PasswordPolicy::Length, ..IdentityConfig::default() };
        let weak =
            |password: &str| weakness(&config, password, &["mwangelwa@example.com", "Jeremy", "Mwangelwa"]).is_some();
        for good in ["correct horse battery staple", "zwölf blaue Elefanten", "vTq9xkwLmz2p"] {
            assert!(!weak(good), "{good}");
        }
        for bad in
            ["short1!", "password1", "Password1!", "qwertyuiop", "12345678", "mwangelwa", "Jeremy2024", "aaaaaaaaaa"]
        {
            assert!(weak(bad), "{bad}");
        }
        assert!(!weak(&"uncommon words, many of them. ".repeat(30)));
        // The lists count even when any score is taken.
        let lax = IdentityConfig { min_score: 0, ..config };
        assert!(weakness(&lax, "football", &[]).is_some());
    }

    #[test]
    fn temporary_passwords_stand_in_urls() {
        for _ in 0..200 {
            let password = temporary();
            assert_eq!(password.len(), 20);
            assert!(has_five_parts(&password), "{}", *password);
            assert!(password.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.~!*".contains(&b)));
        }
        assert_ne!(*temporary(), *temporary());
    }
}
