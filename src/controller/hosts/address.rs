//! What kind of address an address is, in whatever it is wrapped.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Anywhere on the internet.
    Public,
    /// A network of one's own.
    Private,
    /// This machine.
    Loopback,
    /// The next wire.
    LinkLocal,
    /// Many at once, or everybody.
    Multicast,
    /// A service of a cloud that hands out credentials.
    Metadata,
    /// Nothing that can be connected to.
    Reserved,
}

impl Kind {
    /// The words for a sentence.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Public => "a public address",
            Self::Private => "a private address",
            Self::Loopback => "a loopback address",
            Self::LinkLocal => "a link-local address",
            Self::Multicast => "a multicast or broadcast address",
            Self::Metadata => "the address of a metadata service",
            Self::Reserved => "a reserved address",
        }
    }
}

/// Metadata services outside the link-local networks: Alibaba, Azure, Oracle.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];

/// Metadata services by IPv6: AWS (instance, container), Google.
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// Metadata services by link-local IPv4: most clouds, AWS containers (two).
const METADATA_LINK: [Ipv4Addr; 3] =
    [Ipv4Addr::new(169, 254, 169, 254), Ipv4Addr::new(169, 254, 170, 2), Ipv4Addr::new(169, 254, 170, 23)];

/// The kind of an address. One that carries another, such as an IPv4-mapped one, is the worse of the two.
pub(super) fn kind(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => {
            carried(address).into_iter().map(kind_v4).fold(kind_v6(address), std::cmp::Ord::max)
        }
    }
}

fn kind_v4(address: Ipv4Addr) -> Kind {
    let [a, b, c, _] = address.octets();
    if METADATA_V4.contains(&address) || METADATA_LINK.contains(&address) {
        return Kind::Metadata;
    }
    match (a, b, c) {
        // 0.0.0.0 connects to this machine.
        (0 | 127, ..) => Kind::Loopback,
        (169, 254, _) => Kind::LinkLocal,
        (10, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) | (198, 18..=19, _) => {
            Kind::Private
        }
        (224..=239, ..) => Kind::Multicast,
        (255, ..) if address.is_broadcast() => Kind::Multicast,
        (240..=255, ..) | (192, 0, 0) => Kind::Reserved,
        _ => Kind::Public,
    }
}

fn kind_v6(address: Ipv6Addr) -> Kind {
    if METADATA_V6.contains(&address) {
        return Kind::Metadata;
    }
    if address.is_unspecified() || address.is_loopback() {
        return Kind::Loopback;
    }
    match address.segments()[0] {
        first if first & 0xffc0 == 0xfe80 => Kind::LinkLocal,
        first if first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfec0 => Kind::Private,
        first if first & 0xff00 == 0xff00 => Kind::Multicast,
        _ => Kind::Public,
    }
}

/// The same address, and the IPv4 addresses that it carries.
pub(super) fn spellings(address: IpAddr) -> Vec<IpAddr> {
    let carried = match address {
        IpAddr::V4(_) => Vec::new(),
        IpAddr::V6(address) => carried(address),
    };
    std::iter::once(address).chain(carried.into_iter().map(IpAddr::V4)).collect()
}

/// IPv4 addresses that an IPv6 address leads to, through the system itself or a gateway.
fn carried(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let s = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    let last = v4(s[6], s[7]);
    match s {
        // These two are addresses of their own.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Vec::new(),
        // ::a.b.c.d, ::ffff:a.b.c.d, ::ffff:0:a.b.c.d
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _] | [0, 0, 0, 0, 0xffff, 0, _, _] => vec![last],
        // NAT64 (RFC 6052, RFC 8215): the last 32 bits, or around the reserved byte behind a /48; the other is 0.
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => vec![last],
        [0x64, 0xff9b, 1, _, _, _, _, _] => {
            let split = v4(s[3], (s[4] & 0xff) << 8 | s[5] >> 8);
            match (last.is_unspecified(), split.is_unspecified()) {
                (false, true) => vec![last],
                (true, false) => vec![split],
                _ => vec![last, split],
            }
        }
        // 6to4
        [0x2002, ..] => vec![v4(s[1], s[2])],
        // Teredo: server, and client with its bits turned over.
        [0x2001, 0, ..] => vec![v4(s[2], s[3]), v4(!s[6], !s[7])],
        // ISATAP
        [_, _, _, _, 0 | 0x0200, 0x5efe, _, _] => vec![last],
        _ => Vec::new(),
    }
}
