//! Where deliveries may go: not to this machine, its network, or the cloud's metadata service, unless the operator says so.
//!
//! A name is resolved once, by a resolver of ours that gives the checked addresses only; the connection goes to one of those.
//! Addresses in a URL are not resolved, so they are checked before each delivery. No redirect is followed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::config::WebhooksConfig;

/// Most bytes of an address.
const MAX_URL: usize = 2_048;

/// Why a target is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("this is no address of at most {MAX_URL} bytes")]
    Malformed,
    #[error("the address must begin with https://")]
    Scheme,
    #[error("the address must not carry a name or password")]
    Credentials,
    #[error("the address does not name a public host")]
    NotPublic,
}

/// Reads an address and checks what can be checked without asking anybody.
pub(super) fn parse(config: &WebhooksConfig, text: &str) -> Result<Url, Refused> {
    if text.len() > MAX_URL {
        return Err(Refused::Malformed);
    }
    let url = Url::parse(text).map_err(|_form| Refused::Malformed)?;
    match url.scheme() {
        "https" => {}
        "http" if config.allow_http => {}
        _ => return Err(Refused::Scheme),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refused::Credentials);
    }
    let host = url.host_str().ok_or(Refused::Malformed)?;
    match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(ip) if !may_reach(&config.allow_targets, ip) => Err(Refused::NotPublic),
        Ok(_) => Ok(url),
        Err(_name) if is_local_name(host) && config.allow_targets.is_empty() => Err(Refused::NotPublic),
        Err(_name) => Ok(url),
    }
}

/// A client that reaches what it may only.
pub(super) fn client(config: &WebhooksConfig) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        // A proxy would resolve names by itself.
        .no_proxy()
        .timeout(Duration::from_secs(config.timeout_seconds))
        .user_agent("keystead-webhooks")
        .dns_resolver(Arc::new(Checked { allowed: config.allow_targets.clone() }))
        .build()
}

/// Resolves names to addresses that may be reached.
struct Checked {
    allowed: Vec<IpNet>,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.allowed.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let reachable: Vec<SocketAddr> =
                found.into_iter().filter(|address| may_reach(&allowed, address.ip())).collect();
            if reachable.is_empty() {
                return Err(Refused::NotPublic.into());
            }
            let addresses: Addrs = Box::new(reachable.into_iter());
            Ok(addresses)
        })
    }
}

fn may_reach(allowed: &[IpNet], ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    is_public(ip) || allowed.iter().any(|net| net.contains(&ip))
}

fn is_local_name(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    !host.contains('.') || [".localhost", ".local", ".internal"].iter().any(|end| host.ends_with(end))
}

/// True for addresses of the internet at large (IANA's registries of special-purpose addresses).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224..=255, _, _)
    )
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, ..] = ip.segments();
    let [b_high, b_low] = b.to_be_bytes();
    let [c_high, c_low] = c.to_be_bytes();
    match (a, b) {
        // 6to4 leads to the IPv4 address within.
        (0x2002, _) => is_public_v4(Ipv4Addr::new(b_high, b_low, c_high, c_low)),
        // Teredo and other protocols', documentation.
        (0x2001, 0..=0x01ff | 0x0db8) => false,
        (0x3fff, 0..=0x0fff) => false,
        // Global unicast; all else is local, multicast, or a translation of IPv4.
        (0x2000..=0x3fff, _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_reached() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        for public in [
            "1.1.1.1",
            "192.0.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "2002:101:101::1",
            "::ffff:1.1.1.1",
        ] {
            assert!(may_reach(&[], ip(public)), "{public}");
        }
        let private = [
            "0.0.0.0",
            "10.1.2.3",
            "127.0.0.1",
            "127.9.9.9",
            "100.100.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
        ];
        for private in private {
            assert!(!may_reach(&[], ip(private)), "{private}");
        }
        let allowed: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        assert!(may_reach(&allowed, ip("10.1.2.3")) && may_reach(&allowed, ip("::ffff:10.1.2.3")));
        assert!(!may_reach(&allowed, ip("127.0.0.1")));
    }

    #[test]
    fn addresses_are_checked_however_they_are_written() {
        let config = WebhooksConfig::default();
        let refused = |text: &str| parse(&config, text).err();
        assert_eq!(refused("https://example.com/hook?x=1"), None);
        assert_eq!(refused("https://1.1.1.1/"), None);
        for local in [
            "https://localhost/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://0x7f.0.0.1/",
            "https://2130706433/",
            "https://[::1]/",
            "https://[::ffff:a00:1]/",
            "https://169.254.169.254/latest",
            "https://metadata.google.internal/",
            "https://db/",
            "https://x.local./",
        ] {
            assert_eq!(refused(local), Some(Refused::NotPublic), "{local}");
        }
        assert_eq!(refused("http://example.com/"), Some(Refused::Scheme));
        assert_eq!(refused("file:///etc/passwd"), Some(Refused::Scheme));
        assert_eq!(refused("https://u:p@example.com/"), Some(Refused::Credentials));
        assert_eq!(refused("nonsense"), Some(Refused::Malformed));
        assert_eq!(refused(&format!("https://example.com/{}", "x".repeat(MAX_URL))), Some(Refused::Malformed));
    }

    #[tokio::test]
    async fn names_are_resolved_to_addresses_that_may_be_reached() {
        let resolve = async |allowed: &[&str]| {
            let allowed = allowed.iter().map(|net| net.parse().unwrap()).collect();
            let name = "localhost".parse::<Name>().unwrap();
            Checked { allowed }.resolve(name).await.map(|addresses| addresses.map(|a| a.ip()).collect::<Vec<_>>())
        };
        assert!(resolve(&[]).await.is_err());
        assert!(resolve(&["127.0.0.0/8", "::1/128"]).await.is_ok_and(|found| !found.is_empty()));
    }
}
