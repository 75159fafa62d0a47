//! Whose address a request comes from.

use std::net::IpAddr;

use ipnet::IpNet;

use super::request::Request;

/// The client's address. `X-Forwarded-For` counts only when the peer is a trusted proxy, and then only up to the first
/// address (from the right) that is none: what stands left of it, anybody may have written.
#[must_use]
pub fn client_ip(req: &Request, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = req.peer_addr()?.ip();
    if trusted.is_empty() {
        return Some(peer);
    }
    let values = req.headers().get_all("x-forwarded-for").filter_map(|v| v.to_str().ok());
    Some(resolve(peer, &values.collect::<Vec<_>>(), trusted))
}

fn resolve(peer: IpAddr, forwarded: &[&str], trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|net| net.contains(&ip.to_canonical()));
    let mut current = peer;
    for hop in forwarded.iter().rev().flat_map(|v| v.rsplit(',')) {
        if !is_trusted(current) {
            break;
        }
        match hop.trim().parse() {
            Ok(ip) => current = ip,
            Err(_malformed) => break,
        }
    }
    current
}

/// What a limiter counts: an IPv4 address, or the /64 network that one IPv6 customer has.
#[must_use]
pub fn limiter_key(ip: IpAddr) -> [u8; 16] {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => (u128::from(v6) & !u128::from(u64::MAX)).to_be_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_addresses_count_only_behind_trusted_proxies() {
        let ip = |s: &str| s.parse::<IpAddr>().expect("an address");
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().expect("a network")];
        let cases = [
            ("9.9.9.9", &["1.1.1.1"][..], "9.9.9.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", &["6.6.6.6, 1.1.1.1, 10.0.0.2"], "1.1.1.1"),
            ("10.0.0.1", &["6.6.6.6", "1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", &["nonsense"], "10.0.0.1"),
        ];
        for (peer, forwarded, client) in cases {
            assert_eq!(resolve(ip(peer), forwarded, &trusted), ip(client), "{peer} {forwarded:?}");
        }
        assert_eq!(limiter_key(ip("2001:db8::1")), limiter_key(ip("2001:db8::ffff")));
        assert_ne!(limiter_key(ip("1.2.3.4")), limiter_key(ip("1.2.3.5")));
    }
}
