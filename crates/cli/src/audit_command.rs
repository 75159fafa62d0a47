//! `keystead audit`

#![expect(clippy::print_stdout, reason = "commands print their results")]

use anyhow::{Context, bail};
use keystead_server::app::App;
use keystead_server::operator;
use keystead_server::rooms::audit::rules::{Entry, Filter};

use crate::args::{AuditArgs, Common};

const SECOND_MS: i64 = 1000;

pub(crate) async fn run(common: &Common, args: &AuditArgs) -> anyhow::Result<()> {
    let app = App::open(common.load()?)?;
    let since_ms = args.since.as_deref().map(|text| since(text, app.clock.now_ms())).transpose()?;
    let filter = Filter { before_id: None, subject: args.user.clone(), event: args.event.clone(), since_ms };
    for entry in operator::audit_log(&app, &args.app, filter, args.most).await? {
        if args.json {
            println!("{}", serde_json::to_string(&entry)?);
        } else {
            println!("{}", line(&entry));
        }
    }
    Ok(())
}

fn line(entry: &Entry) -> String {
    let time = chrono::DateTime::from_timestamp_millis(entry.at_ms).unwrap_or_default();
    let mut line = format!("{}  {}", time.format("%Y-%m-%dT%H:%M:%S%.3fZ"), entry.event);
    let parts = [("by", &entry.actor_id), ("on", &entry.subject_id), ("in", &entry.detail), ("from", &entry.ip)];
    for (word, value) in parts {
        if let Some(value) = value {
            line.push_str(&format!("  {word} {value}"));
        }
    }
    line
}

/// A day in UTC, or how long ago: `2026-11-21`, `90s`, `30m`, `24h`, `7d`.
fn since(text: &str, now_ms: i64) -> anyhow::Result<i64> {
    if let Ok(day) = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Ok(day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis());
    }
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_s = match text.strip_prefix(number) {
        Some("s") => 1,
        Some("m") => 60,
        Some("h") => 3_600,
        Some("d") => 86_400,
        _ => bail!("--since {text}: a day like 2026-11-21, or a time like 30m, 24h, 7d"),
    };
    let number: i64 = number.parse().with_context(|| format!("--since {text}"))?;
    let ago_ms =
        number.checked_mul(unit_s).and_then(|s| s.checked_mul(SECOND_MS)).context("--since is too long ago")?;
    Ok(now_ms.saturating_sub(ago_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(since("1970-01-02", 0).expect("a day"), 86_400_000);
        assert_eq!(since("2m", 200_000).expect("minutes"), 80_000);
        assert_eq!(since("7d", 700_000_000).expect("days"), 95_200_000);
        for bad in ["", "7", "d", "7w", "x", "-", "99999999999999999d", "2026-13-01"] {
            assert!(since(bad, 0).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_line_says_who_did_what_to_whom_where_and_from_where() {
        let entry = Entry {
            id: 1,
            at_ms: 1_795_000_000_123,
            event: "DELETE /group/{group_id}/kick/{user_id}".into(),
            actor_id: Some("alice".into()),
            subject_id: Some("bob".into()),
            ip: Some("192.0.2.1".into()),
            detail: Some("group".into()),
        };
        assert_eq!(
            line(&entry),
            "2026-11-18T11:06:40.123Z  DELETE /group/{group_id}/kick/{user_id}  by alice  on bob  in group  from 192.0.2.1"
        );
    }
}
