use super::*;

fn allowed(scope: HostScope, text: &str) -> Option<bool> {
    let address = text.parse().ok()?;
    Some(is_allowed(scope, address))
}

// S-07, U-04
#[test]
fn a_public_vendor_never_resolves_to_a_special_address() {
    for text in [
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "192.0.0.170",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.9",
        "192.88.99.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "2002:7f00:1::",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "ff02::1",
        "2001:db8::1",
        "2001::1",
        "3fff::1",
        "100::1",
    ] {
        assert_eq!(allowed(HostScope::Public, text), Some(false), "{text}");
    }
}

#[test]
fn public_addresses_are_reachable() {
    for text in [
        "1.1.1.1",
        "104.18.7.192",
        "172.32.0.1",
        "2606:4700::6812:7c0",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2a00:1450::1",
    ] {
        assert_eq!(allowed(HostScope::Public, text), Some(true), "{text}");
    }
}

#[test]
fn an_operator_may_name_private_hosts_but_not_metadata_services() {
    for text in [
        "127.0.0.1",
        "::1",
        "10.0.0.5",
        "192.168.1.20",
        "100.64.0.1",
        "fd12::1",
    ] {
        assert_eq!(allowed(HostScope::Operator, text), Some(true), "{text}");
    }
    for text in [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fe80::1",
        "fd00:ec2::254",
        "224.0.0.1",
    ] {
        assert_eq!(allowed(HostScope::Operator, text), Some(false), "{text}");
    }
}
