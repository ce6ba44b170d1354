//! Which resolved addresses may be connected to.
//!
//! The check is made on the address that the socket connects to, after
//! resolution, so that neither a name, a spelling nor a second DNS answer can
//! get around it. An operator may name private hosts; a request never names a
//! host at all.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use tollward_providers::HostScope;

/// Where clouds hand out credentials: instances of all large ones, ECS, EKS, and the last two over IPv6.
///
/// Source: "AWS SDKs and tools reference guide", container and IMDS credential providers (read 2026-11).
const METADATA: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];

/// Whether a connection to `address` is allowed for a host of this scope.
///
/// Link-local addresses are refused for everybody but those who fetch credentials: cloud metadata
/// services live there and hand them out.
pub fn is_allowed(scope: HostScope, address: IpAddr) -> bool {
    let address = unmapped(address);
    match scope {
        HostScope::Public => is_public(address),
        HostScope::Operator => !is_link_local(address) && !address.is_multicast(),
        HostScope::Metadata => address.is_loopback() || METADATA.contains(&address),
    }
}

/// The IPv4 address inside a mapped, NAT64 or 6to4 IPv6 address, else the address itself.
fn unmapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    embedded_v4(v6).map_or(address, IpAddr::V4)
}

fn embedded_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match v6.segments() {
        // ::ffff:a.b.c.d (RFC 4291), ::a.b.c.d (deprecated), 64:ff9b::/96 (RFC 6052), 64:ff9b:1::/48 (RFC 8215).
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] if (high, low) > (0, 1) => Some(from(high, low)),
        [0x64, 0xff9b, _, _, _, _, high, low] => Some(from(high, low)),
        // 2002:a.b.c.d::/16 (RFC 3056).
        [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local() || v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
        }
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// Source: IANA IPv4 Special-Purpose Address Registry (read 2026-11).
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = a == 0
        || a >= 240
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

/// Only `2000::/3` is global unicast; within it some blocks are special.
/// Source: IANA IPv6 Special-Purpose Address Registry (read 2026-11).
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let global = a & 0xe000 == 0x2000;
    let special = a == 0x3fff || (a == 0x2001 && (b < 0x0200 || b == 0x0db8));
    global && !special
}

#[cfg(test)]
mod tests;
