//! Pages of the program's own code go back to the system when the server is idle (docs/adr/0025).

use std::time::Duration;

use rustix::mm::{Advice, madvise};
use rustix::time::{ClockId, clock_gettime};

/// The start is over by then, and what it warms up is warm.
const STARTED: Duration = Duration::from_millis(250);
/// For so long an idle server does next to nothing.
const QUIET: Duration = Duration::from_secs(60);
/// Processor time within it: what the jobs take of an idle server, and some.
const LITTLE: Duration = Duration::from_millis(100);

/// Gives back what the start has used; later, whenever work is followed by a quiet minute, what the work has used.
pub(crate) async fn give_back_when_idle() {
    tokio::time::sleep(STARTED).await;
    give_back();
    let mut worked = false;
    loop {
        let before = processor_time();
        tokio::time::sleep(QUIET).await;
        if processor_time().saturating_sub(before) > LITTLE {
            worked = true;
        } else if std::mem::take(&mut worked) {
            give_back();
        }
    }
}

fn processor_time() -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(used.tv_sec.unsigned_abs(), u32::try_from(used.tv_nsec).unwrap_or_default())
}

/// The kernel maps sixteen pages and more around each one touched; what is used again comes back from the page cache.
fn give_back() {
    let maps = match std::fs::read_to_string("/proc/self/maps") {
        Ok(maps) => maps,
        Err(e) => return tracing::debug!(error = %e, "the pages of the code stay mapped"),
    };
    for (start, length) in maps.lines().filter_map(never_written) {
        // SAFETY: a private mapping of a file that nothing in this process has written to: whatever is read from it
        // after this is what would have been read before.
        #[expect(unsafe_code, reason = "no library gives this in a safe form")]
        let given = unsafe { madvise(start as *mut _, length, Advice::LinuxDontNeed) };
        if let Err(e) = given {
            tracing::debug!(error = %e, "pages of the code stay mapped");
        }
    }
}

/// Address and length of a line's mapping, bytes, when it is code or what stands before the code in its file: headers and
/// constants. What the dynamic linker writes to stands behind them (`proc_pid_maps(5)`).
fn never_written(line: &str) -> Option<(usize, usize)> {
    let mut fields = line.split_ascii_whitespace();
    let (range, permissions, offset, path) = (fields.next()?, fields.next()?, fields.next()?, fields.nth(2)?);
    let constants = permissions == "r--p" && offset.bytes().all(|digit| digit == b'0');
    if !path.starts_with('/') || !(permissions == "r-xp" || constants) {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    let start = usize::from_str_radix(start, 16).ok()?;
    Some((start, usize::from_str_radix(end, 16).ok()?.checked_sub(start)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_constants_are_given_back_and_nothing_else() {
        let given = |line| never_written(line);
        assert_eq!(given("5000-7000 r-xp 00001000 fe:00 10 /usr/bin/keystead"), Some((0x5000, 0x2000)));
        assert_eq!(given("4000-5000 r--p 00000000 fe:00 10 /usr/bin/keystead"), Some((0x4000, 0x1000)));
        assert_eq!(given("5000-7000 r-xp 00001000 fe:00 10 /with a blank/keystead (deleted)"), Some((0x5000, 0x2000)));
        for kept in [
            "7000-8000 r--p 00003000 fe:00 10 /usr/bin/keystead",
            "8000-9000 rw-p 00004000 fe:00 10 /usr/bin/keystead",
            "4000-5000 r--s 00000000 fe:00 10 /data/keystead.db-shm",
            "9000-a000 r-xp 00000000 00:00 0",
            "9000-a000 r--p 00000000 00:00 0 ",
            "9000-a000 r-xp 00000000 00:00 0 [vdso]",
            "a000-9000 r-xp 00000000 fe:00 10 /usr/bin/keystead",
            "r-xp",
            "",
        ] {
            assert_eq!(given(kept), None, "{kept}");
        }
    }

    #[test]
    fn less_of_the_program_is_resident_and_it_goes_on() {
        let resident = || {
            let status = std::fs::read_to_string("/proc/self/status").expect("is there");
            let line = status.lines().find_map(|line| line.strip_prefix("RssFile:")).expect("has it");
            line.trim().trim_end_matches(" kB").parse::<u64>().expect("is a number")
        };
        let before = resident();
        give_back();
        let after = resident();
        assert!(after < before, "{before} kB, then {after} kB");
        assert!(processor_time() > Duration::ZERO);
    }
}
