//! The one error type of this crate.
//!
//! It says which kind of input was wrong and nothing about its content, so it may be logged and sent anywhere.

/// Why a call failed. Decryption and signature failures carry no detail on purpose: a reason would be an oracle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CryptoError {
    /// Text is not the base64, PEM or JSON that the format demands.
    #[error("the text is not in the expected encoding")]
    Encoding,
    /// A key, signature or ciphertext has a length that its algorithm does not allow.
    #[error("the input has the wrong length for its algorithm")]
    Length,
    /// The algorithm name is not in the table of its module.
    #[error("the algorithm is unknown")]
    UnknownAlgorithm,
    /// A value is outside its domain: number too large, key bytes not of the form the algorithm makes.
    #[error("the input is outside of the allowed range")]
    Input,
    /// Encryption was not possible, as with a public key of small order.
    #[error("encryption failed")]
    Encrypt,
    /// Wrong key or changed ciphertext.
    #[error("decryption failed")]
    Decrypt,
    /// The signature does not belong to this key and data.
    #[error("the signature is not valid")]
    Signature,
}

impl CryptoError {
    /// Stable number for other languages. A number is never used again for something else.
    pub const fn code(self) -> u16 {
        match self {
            Self::Encoding => 10,
            Self::Length => 11,
            Self::UnknownAlgorithm => 12,
            Self::Input => 13,
            Self::Encrypt => 20,
            Self::Decrypt => 21,
            Self::Signature => 30,
        }
    }

    /// Stable name for other languages, such as `"decrypt"`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Encoding => "encoding",
            Self::Length => "length",
            Self::UnknownAlgorithm => "unknown_algorithm",
            Self::Input => "input",
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
            Self::Signature => "signature",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CryptoError;

    #[test]
    fn numbers_and_names_are_frozen() {
        use CryptoError::*;
        let all = [Encoding, Length, UnknownAlgorithm, Input, Encrypt, Decrypt, Signature];
        let table: Vec<_> = all.iter().map(|e| (e.code(), e.name())).collect();
        insta::assert_debug_snapshot!(table);
    }
}
