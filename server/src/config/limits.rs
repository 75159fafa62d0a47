//! Rate limits and sizes.

use serde::{Deserialize, Serialize};

/// A rate: a burst, refilled steadily.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Calls at once.
    pub burst: u32,
    /// Calls per minute after that.
    pub per_minute: u32,
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// `false` lifts every rate limit and login delay. For tests and behind a gateway that limits.
    pub rate_limit: bool,
    /// Most bytes of a JSON body.
    pub json_bytes: usize,
    /// Login calls of one address.
    pub login_per_ip: Rate,
    /// Login calls of one app.
    pub login_per_app: Rate,
    /// Login calls for one identifier.
    pub login_per_identifier: Rate,
    /// Registrations of one address. The secret token is exempt: behind it is the customer's backend.
    pub register_per_ip: Rate,
    /// Registrations in one app.
    pub register_per_app: Rate,
    /// `exists` calls of one address.
    pub exists_per_ip: Rate,
    /// `exists` calls of one app.
    pub exists_per_app: Rate,
    /// Password and Google logins of one address (identity API).
    pub iam_login_per_ip: Rate,
    /// Registrations of one address (identity API).
    pub iam_register_per_ip: Rate,
    /// Asked-for mails and tried links of one address (identity API).
    pub iam_mail_per_ip: Rate,
    /// Sign-ins of one address (data API).
    pub data_login_per_ip: Rate,
    /// Asked-for codes by mail of one address (data API).
    pub data_mail_per_ip: Rate,
    /// Wrong secrets of one account that are judged in a row, whoever sends them.
    pub wrong_secrets: u32,
    /// Seconds after which one more attempt is judged.
    pub wrong_secret_refill_seconds: u32,
    /// Accounts, addresses and apps that the limiters remember at most.
    pub tracked: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            rate_limit: true,
            json_bytes: 256 * 1024,
            login_per_ip: Rate { burst: 120, per_minute: 600 },
            login_per_app: Rate { burst: 5_000, per_minute: 120_000 },
            login_per_identifier: Rate { burst: 120, per_minute: 60 },
            register_per_ip: Rate { burst: 120, per_minute: 60 },
            register_per_app: Rate { burst: 2_000, per_minute: 30_000 },
            exists_per_ip: Rate { burst: 60, per_minute: 60 },
            exists_per_app: Rate { burst: 2_000, per_minute: 30_000 },
            iam_login_per_ip: Rate { burst: 240, per_minute: 240 },
            iam_register_per_ip: Rate { burst: 120, per_minute: 60 },
            iam_mail_per_ip: Rate { burst: 30, per_minute: 10 },
            data_login_per_ip: Rate { burst: 240, per_minute: 240 },
            data_mail_per_ip: Rate { burst: 30, per_minute: 10 },
            wrong_secrets: 30,
            wrong_secret_refill_seconds: 60,
            tracked: 100_000,
        }
    }
}

impl LimitsConfig {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        for (name, rate) in [
            ("login_per_ip", self.login_per_ip),
            ("login_per_app", self.login_per_app),
            ("login_per_identifier", self.login_per_identifier),
            ("register_per_ip", self.register_per_ip),
            ("register_per_app", self.register_per_app),
            ("exists_per_ip", self.exists_per_ip),
            ("exists_per_app", self.exists_per_app),
            ("iam_login_per_ip", self.iam_login_per_ip),
            ("iam_register_per_ip", self.iam_register_per_ip),
            ("iam_mail_per_ip", self.iam_mail_per_ip),
            ("data_login_per_ip", self.data_login_per_ip),
            ("data_mail_per_ip", self.data_mail_per_ip),
        ] {
            if rate.burst == 0 || rate.per_minute == 0 {
                problems.push(format!("limits.{name}: burst and per_minute must be at least 1"));
            }
        }
        if self.wrong_secrets == 0 || self.wrong_secret_refill_seconds == 0 {
            problems.push("limits.wrong_secrets and wrong_secret_refill_seconds must be at least 1".into());
        }
        if self.json_bytes < 64 * 1024 {
            problems.push("limits.json_bytes: a registration needs up to 64 KiB".into());
        }
        if self.tracked < 1_000 {
            problems.push("limits.tracked: must be at least 1,000".into());
        }
    }
}
