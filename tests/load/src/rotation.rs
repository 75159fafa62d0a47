//! `bench rotation`: new keys for a group of 1,000 members with hybrid keys, until the key waits for the last of them.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use keystead_sdk_core::group::{self, CreateGroup, GroupData};
use keystead_sdk_core::rng;
use keystead_sdk_core::user::{UserData, VerifyKeys};

use crate::BenchArgs;
use crate::report::Report;
use crate::stage::Stage;
use crate::stop;
use crate::users::Setup;

/// Members of the group besides its owner.
const MEMBERS: usize = 1000;
const OWNER: usize = 0;
/// No rotation takes longer.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(2);

/// Runs the bench.
///
/// # Errors
/// A server that does not start, a wrong answer.
pub(crate) fn run(args: &BenchArgs) -> Result<Report> {
    let mut report = Report::new("rotation");
    let stage = Stage::open(args, &mut report)?;
    for site in stage.sites(&mut report)? {
        let mut setup = Setup::open(site.server.addr, &site.public_token)?;
        let people = People::make(&stage, &mut setup)?;
        report.fact(&format!("{}_rss_before_mib", site.target), site.server.rss_mib()?);
        let rotate = |_round| people.rotate(&mut setup);
        report.add(vec![stage.one_by_one(&site, "rotation", rotate)?]);
        report.fact(&format!("{}_peak_rss_mib", site.target), site.server.peak_mib()?);
    }
    Ok(report)
}

struct People {
    owner: UserData,
    /// Who joined last is served last.
    last: UserData,
    group: GroupData,
}

impl People {
    fn make(stage: &Stage<'_>, setup: &mut Setup) -> Result<Self> {
        setup.register(&stage.templates, OWNER)?;
        let owner = setup.user(OWNER)?;
        let body = group::prepare_create_group(&mut rng::os(), &owner, CreateGroup::default())?;
        let id = group::done_create_group(&setup.call("POST", "/group", Some(owner.jwt()), &body)?)?;
        for number in 1..=MEMBERS {
            stop::check()?;
            let member = setup.register(&stage.templates, number)?;
            // Without keys: the server serves whoever has a public key.
            let path = format!("/group/{id}/invite_auto/{member}/light");
            setup.call("PUT", &path, Some(owner.jwt()), r#"{"rank":4}"#)?;
        }
        let answer = setup.call("GET", &format!("/group/{id}"), Some(owner.jwt()), "")?;
        let group = group::done_get_group(&answer, &owner, &VerifyKeys::new())?;
        Ok(Self { last: setup.user(MEMBERS)?, owner, group })
    }

    /// Starts a rotation, and waits until its key waits for the last member.
    fn rotate(&self, setup: &mut Setup) -> Result<()> {
        let own = self.owner.newest_key()?.group_key();
        let body = group::prepare_key_rotation(&mut rng::os(), self.group.keys(), own, &self.owner, true)?;
        let path = format!("/group/{}/key_rotation", self.group.group_id);
        let key_id = group::done_key_rotation_start(&setup.call("POST", &path, Some(self.owner.jwt()), &body)?)?;
        let began = Instant::now();
        loop {
            let list = setup.call("GET", &path, Some(self.last.jwt()), "")?;
            let waiting = group::get_done_key_rotation_server_input(&list)?;
            if waiting.iter().any(|item| item.new_group_key_id == key_id && item.error.is_none()) {
                return Ok(());
            }
            ensure!(began.elapsed() < PATIENCE, "the last member is not served");
            std::thread::sleep(POLL);
        }
    }
}
