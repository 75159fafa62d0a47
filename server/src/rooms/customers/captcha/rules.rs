//! Making and judging captchas.

use keystead_crypto::encoding::b64_encode;
use keystead_crypto::hash::ct_eq;
use keystead_protocol::ErrorCode;
use keystead_protocol::customers::CaptchaInput;

use super::store;
use crate::app::App;
use crate::db::Conn;
use crate::error::{KeyError, KeyResult};

/// How long a captcha may be solved, milliseconds.
const VALID_MS: i64 = 20 * 60 * 1000;
/// Pixels.
const SIZE: (u32, u32) = (220, 120);
const CHARACTERS: u32 = 6;
/// Longer texts are no solution.
const MAX_SOLUTION: usize = 16;

/// A captcha and what it shows.
pub struct NewCaptcha {
    /// PNG, b64.
    pub png: String,
    /// The characters, lower case.
    pub solution: String,
}

/// Draws a captcha. Takes some milliseconds: not for the workers' threads.
///
/// # Errors
/// `CaptchaCreate`.
pub fn draw() -> KeyResult<NewCaptcha> {
    use ::captcha::filters::{Dots, Noise, Wave};
    let mut picture = ::captcha::Captcha::new();
    picture
        .add_chars(CHARACTERS)
        .apply_filter(Noise::new(0.3))
        .apply_filter(Wave::new(2.0, 20.0).horizontal())
        .apply_filter(Wave::new(2.0, 20.0).vertical())
        .view(SIZE.0, SIZE.1)
        .apply_filter(Dots::new(12));
    let png = picture.as_png().ok_or(ErrorCode::CaptchaCreate)?;
    Ok(NewCaptcha { png: b64_encode(&png), solution: picture.chars_as_string().to_lowercase() })
}

/// Remembers a captcha until it is tried or too old. Its solution is sealed: who reads the database must draw like anybody.
///
/// # Errors
/// What database and cipher say.
pub fn remember(app: &App, tx: &mut Conn, id: &str, solution: &str) -> KeyResult<()> {
    let sealed = app
        .root_key
        .seal(&slot(id), solution.as_bytes())
        .map_err(|e| KeyError::caused(ErrorCode::RootKeyEncrypt, e))?;
    Ok(store::insert(tx, id, &sealed, app.clock.now_ms())?)
}

/// Takes a captcha, whatever was typed: it is good for one try. Run it in a transaction of its own and look at the answer
/// afterwards, so that a wrong try is not rolled back.
///
/// # Errors
/// 601 not there (any more), 10001.
pub fn take(app: &App, tx: &mut Conn, input: &CaptchaInput) -> KeyResult<Judgement> {
    let found = store::find(tx, &input.captcha_id)?.ok_or(ErrorCode::CaptchaNotFound)?;
    if store::delete(tx, &input.captcha_id)? == 0 {
        return Err(ErrorCode::CaptchaNotFound.into());
    }
    let (sealed, created_ms) = found;
    if app.clock.now_ms() - created_ms > VALID_MS {
        return Ok(Judgement::TooOld);
    }
    let solution = app
        .root_key
        .open(&slot(&input.captcha_id), &sealed)
        .map_err(|e| KeyError::caused(ErrorCode::RootKeyDecrypt, e))?;
    let typed = input.captcha_solution.trim();
    let right = typed.len() <= MAX_SOLUTION && ct_eq(typed.to_lowercase().as_bytes(), &solution);
    Ok(if right { Judgement::Right } else { Judgement::Wrong })
}

/// What a try was worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Solved in time.
    Right,
    /// Other characters.
    Wrong,
    /// Solved or not, too late.
    TooOld,
}

impl Judgement {
    /// # Errors
    /// 602 or 603.
    pub fn passed(self) -> KeyResult<()> {
        match self {
            Self::Right => Ok(()),
            Self::Wrong => Err(ErrorCode::CaptchaWrong.into()),
            Self::TooOld => Err(ErrorCode::CaptchaTooOld.into()),
        }
    }
}

/// Removes captchas that can be solved no more.
///
/// # Errors
/// What the database says.
pub fn sweep(app: &App, tx: &mut Conn) -> KeyResult<usize> {
    // Too old ones are kept as long again, to be able to say so.
    Ok(store::delete_before(tx, app.clock.now_ms() - 2 * VALID_MS)?)
}

/// The slot of a solution under the root key.
fn slot(id: &str) -> String {
    format!("customer_captchas.solution_sealed {id}")
}
