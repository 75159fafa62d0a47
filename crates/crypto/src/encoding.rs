//! Text forms of bytes: base64 (RFC 4648, strict), hex, and the PEM of public keys (sentc.md 12.5).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::{CryptoError, Result};

const PEM_HEAD: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_FOOT: &str = "-----END PUBLIC KEY-----";
const PEM_COLUMNS: usize = 64;

/// Standard base64 with padding.
pub fn b64_encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Bytes of standard base64. Padding is demanded, white space and unused bits are not allowed. Errors: `Encoding`.
pub fn b64_decode(text: &str) -> Result<Vec<u8>> {
    STANDARD.decode(text).or(Err(CryptoError::Encoding))
}

/// URL-safe base64 without padding.
pub fn b64url_encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Bytes of URL-safe base64. Padding, white space and unused bits are not allowed. Errors: `Encoding`.
pub fn b64url_decode(text: &str) -> Result<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).or(Err(CryptoError::Encoding))
}

/// Lower-case hex digits, two a byte.
///
/// ```
/// assert_eq!(keystead_crypto::encoding::hex_encode(&[0x0f, 0xa0]), "0fa0");
/// ```
pub fn hex_encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.extend([byte >> 4, byte & 0x0f].into_iter().filter_map(|digit| char::from_digit(u32::from(digit), 16)));
    }
    out
}

/// PEM block `PUBLIC KEY` whose body is the raw key (no SPKI): LF, 64 columns, LF at the end.
pub fn pem_encode(bytes: &[u8]) -> String {
    let body = STANDARD.encode(bytes);
    let mut out =
        String::with_capacity(PEM_HEAD.len() + PEM_FOOT.len() + body.len() + body.len().div_ceil(PEM_COLUMNS) + 2);
    out.push_str(PEM_HEAD);
    out.push('\n');
    let mut rest = body.as_str();
    while let Some((line, tail)) =
        rest.split_at_checked(PEM_COLUMNS.min(rest.len())).filter(|(line, _)| !line.is_empty())
    {
        out.push_str(line);
        out.push('\n');
        rest = tail;
    }
    out.push_str(PEM_FOOT);
    out.push('\n');
    out
}

/// Bytes of a PEM block as [`pem_encode`] makes it. Lines may end in LF or CRLF and the last line end may be missing;
/// nothing may stand before or after the block, and all body lines but the last have 64 columns. Errors: `Encoding`.
pub fn pem_decode(text: &str) -> Result<Vec<u8>> {
    let mut lines = text.lines();
    if lines.next() != Some(PEM_HEAD) {
        return Err(CryptoError::Encoding);
    }
    let mut body = String::with_capacity(text.len());
    let mut full = true;
    loop {
        let line = lines.next().ok_or(CryptoError::Encoding)?;
        if line == PEM_FOOT {
            break;
        }
        // A short line may only be the last one.
        if !full || line.is_empty() || line.len() > PEM_COLUMNS {
            return Err(CryptoError::Encoding);
        }
        full = line.len() == PEM_COLUMNS;
        body.push_str(line);
    }
    if lines.next().is_some() || body.is_empty() {
        return Err(CryptoError::Encoding);
    }
    b64_decode(&body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn base64_is_strict() {
        assert_eq!(b64_encode(b"foob"), "Zm9vYg==");
        assert_eq!(b64_decode("Zm9vYg=="), Ok(b"foob".to_vec()));
        for bad in ["Zm9vYg", "Zm9vYg=", "Zm9vYh==", "Zm9v\nYg==", " Zm9vYg==", "Zm9vYg===", "Zm9v_g==", "=", "Z"] {
            assert_eq!(b64_decode(bad), Err(CryptoError::Encoding), "{bad}");
        }
        assert_eq!(b64url_encode(&[0xfb, 0xff]), "-_8");
        assert_eq!(b64url_decode("-_8"), Ok(vec![0xfb, 0xff]));
        for bad in ["-_8=", "+/8", "-_9", "-_8\n"] {
            assert_eq!(b64url_decode(bad), Err(CryptoError::Encoding), "{bad}");
        }
    }

    #[test]
    fn pem_layout() {
        let pem = pem_encode(&[0; 50]);
        insta::assert_snapshot!(pem);
        assert!(pem.ends_with("-----\n"));
        assert_eq!(pem_decode(&pem), Ok(vec![0; 50]));
        assert_eq!(pem_decode(pem.trim_end()), Ok(vec![0; 50]));
        assert_eq!(pem_decode(&pem.replace('\n', "\r\n")), Ok(vec![0; 50]));
        assert_eq!(pem_decode(&pem_encode(&[7; 48])), Ok(vec![7; 48]), "a full last line");
    }

    #[test]
    fn pem_is_strict() {
        let pem = pem_encode(&[1; 100]);
        let bad = [
            String::new(),
            PEM_HEAD.to_owned(),
            pem_encode(&[]),
            format!(" {pem}"),
            format!("{pem}\n"),
            format!("{pem}{pem}"),
            pem.replace("PUBLIC", "PRIVATE"),
            pem.replace('\n', ""),
            pem.replace('\n', " \n"),
            pem.replacen("AQEB", "\nAQEB", 1),
            pem.replacen("AQEB", "AQEB\n", 1),
            pem.replacen("AQEB", "AQE!", 1),
        ];
        for text in bad {
            assert_eq!(pem_decode(&text), Err(CryptoError::Encoding), "{text}");
        }
        for cut in 0..pem.len() - 1 {
            assert_eq!(pem_decode(pem.get(..cut).unwrap()), Err(CryptoError::Encoding), "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(bytes: Vec<u8>) {
            prop_assert_eq!(b64_decode(&b64_encode(&bytes)).unwrap(), bytes.clone());
            prop_assert_eq!(b64url_decode(&b64url_encode(&bytes)).unwrap(), bytes.clone());
            if !bytes.is_empty() {
                prop_assert_eq!(pem_decode(&pem_encode(&bytes)).unwrap(), bytes);
            }
        }

        #[test]
        fn any_text_is_refused_or_canonical(text: String) {
            let _ = pem_decode(&text);
            if let Ok(bytes) = b64_decode(&text) {
                prop_assert_eq!(b64_encode(&bytes), text);
            }
        }
    }
}
