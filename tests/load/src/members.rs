//! `bench members`: pages of the member list of a large group. A page costs what its fifty members cost, not what the group
//! has: the last page is as fast as the first.

use anyhow::{Context, Result, bail};
use keystead_protocol::groups::GroupUserListItem;
use keystead_sdk_core::group;

use crate::BenchArgs;
use crate::clients::Requests;
use crate::http;
use crate::report::{Goal, Report};
use crate::stage::{Contestant, Stage};
use crate::users::Setup;

/// Members of the group besides its owner.
const MEMBERS: usize = 1000;
const OWNER: usize = 0;

/// Runs the bench.
///
/// # Errors
/// A server that does not start, a wrong answer.
pub(crate) fn run(args: &BenchArgs) -> Result<Report> {
    let mut report = Report::new("members");
    let stage = Stage::open(args, &mut report)?;
    for site in stage.sites(&mut report)? {
        let mut setup = Setup::open(site.server.addr, &site.public_token)?;
        let pages = Pages::make(&stage, &mut setup)?;
        if args.wants("walk") {
            report.add(vec![stage.one_by_one(&site, "walk", |_round| pages.walk(&mut setup).map(drop))?]);
        }
        for &connections in &args.connections {
            let (target, server) = (site.target, &site.server);
            let of = |requests: &'static str, pages: &Requests| {
                let pages = pages.clone();
                let make = Box::new(move |n, of| Ok(pages.client(n, of, true)));
                Contestant { target, operation: requests, server, make }
            };
            let contestants = [stage.hello(target), of("first", &pages.first), of("last", &pages.last)];
            let cells = stage.take_turns(&contestants, connections)?;
            if let ([_, first, last], "sqlite", true) =
                (cells.as_slice(), site.target, args.connections.last() == Some(&connections))
            {
                report.goal(Goal::at_least("last page / first page", last.ratio_to(first), 0.7));
            }
            report.add(cells);
        }
        report.fact(&format!("{}_peak_rss_mib", site.target), site.server.peak_mib()?);
    }
    Ok(report)
}

struct Pages {
    group: String,
    jwt: String,
    first: Requests,
    last: Requests,
}

impl Pages {
    /// Makes the people and the group; reads the list once.
    fn make(stage: &Stage<'_>, setup: &mut Setup) -> Result<Self> {
        setup.register(&stage.templates, OWNER)?;
        let owner = setup.user(OWNER)?;
        let group = group::done_create_group(&setup.call("POST", "/group/light", Some(owner.jwt()), "")?)?;
        for number in 1..=MEMBERS {
            let member = setup.register(&stage.templates, number)?;
            let path = format!("/group/{group}/invite_auto/{member}/light");
            setup.call("PUT", &path, Some(owner.jwt()), r#"{"rank":4}"#)?;
        }
        let none = || Requests::of(Vec::new());
        let mut pages = Self { group, jwt: owner.jwt().to_owned(), first: none(), last: none() };
        let last = pages.walk(setup)?;
        let headers = setup.headers(Some(&pages.jwt));
        let render = |path: &str| Requests::of(http::render("GET", &format!("/api/v1{path}"), &headers, ""));
        (pages.first, pages.last) = (render(&pages.path(None)), render(&last));
        Ok(pages)
    }

    /// Reads the whole list, page after page, as a client does; gives the path of the last page.
    fn walk(&self, setup: &mut Setup) -> Result<String> {
        let (mut seen, mut at) = (0, self.path(None));
        while seen < MEMBERS {
            let answer = setup.call("GET", &at, Some(&self.jwt), "")?;
            let page: Vec<GroupUserListItem> = keystead_protocol::parse(&answer)?;
            seen += page.len();
            let next = self.path(Some(page.last().context("an empty page before the end")?));
            if seen == MEMBERS {
                return Ok(at);
            }
            at = next;
        }
        bail!("{seen} members in the list")
    }

    fn path(&self, after: Option<&GroupUserListItem>) -> String {
        let (time, id) = after.map_or((0, "none"), |m| (m.joined_time, m.user_id.as_str()));
        format!("/group/{}/member/{time}/{id}", self.group)
    }
}
