//! Proxies: who a request comes from, when others stand between.
//!
//! `X-Forwarded-For` is a list that each proxy adds to at its end, and that anybody may begin. So it
//! is read from the end, and each entry is believed only if the one behind it, who wrote it, is
//! trusted. The first that is not trusted is who the request comes from.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

/// The name of the header.
pub const FORWARDED_FOR: &str = "x-forwarded-for";

/// Proxies that are trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Network>);

/// All addresses that begin alike. One of IPv4 is kept as IPv6 writes it (`::ffff:0:0/96`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: u128,
    mask: u128,
}

impl Proxies {
    /// These.
    #[must_use]
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// These.
    #[must_use]
    pub fn networks(&self) -> &[Network] {
        &self.0
    }

    /// Whether what this address says of others is believed.
    #[must_use]
    pub fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Who a request comes from that `peer` brought, with these values of the header in their order.
    /// An entry that is no address says nothing of who is behind it.
    #[must_use]
    pub fn origin<'v>(
        &self,
        peer: IpAddr,
        forwarded_for: impl DoubleEndedIterator<Item = &'v [u8]>,
    ) -> IpAddr {
        let mut origin = peer.to_canonical();
        for entry in forwarded_for.rev().flat_map(|value| value.rsplit(|byte| *byte == b',')) {
            if !self.trust(origin) {
                break;
            }
            let Some(before) = address(entry) else { break };
            origin = before;
        }
        origin
    }
}

/// An address, as some proxies with the port behind it.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim_matches([' ', '\t']);
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address: Option<IpAddr> = text.parse().ok();
    let address = address.or_else(|| text.parse().ok().map(|with_port: SocketAddr| with_port.ip()));
    address.or_else(|| bare().map(IpAddr::V6)).map(|address| address.to_canonical())
}

impl Network {
    /// Reads `10.0.0.0/8`, or one address.
    ///
    /// # Errors
    /// What would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (address, prefix) = match text.split_once('/') {
            None => (text, None),
            Some((address, prefix)) => (address, Some(prefix)),
        };
        let form = "must be an address such as \"10.1.2.3\", or a network such as \"10.0.0.0/8\"";
        let address: IpAddr = address.parse().map_err(|_not_an_address| form.to_owned())?;
        let before: u32 = if address.is_ipv4() { 96 } else { 0 };
        let length = match prefix {
            None => 128,
            Some(digits) => {
                let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
                let length: Option<u32> = digits.parse().ok().filter(|_| plain);
                before + length.filter(|length| *length <= 128 - before).ok_or(form)?
            }
        };
        if length == before {
            let detail = "must not be every address: whoever connects could claim to be any other";
            return Err(detail.to_owned());
        }
        let bits = bits(address);
        let network = Self { first: bits, mask: u128::MAX << (128 - length) };
        match bits & network.mask == bits {
            true => Ok(network),
            false => {
                let meant = Self { first: bits & network.mask, ..network };
                Err(format!("must have nothing behind its prefix; did you mean \"{meant}\"?"))
            }
        }
    }

    fn contains(&self, address: IpAddr) -> bool {
        bits(address) & self.mask == self.first
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = Ipv6Addr::from_bits(self.first).to_canonical();
        let before = if address.is_ipv4() { 96 } else { 0 };
        match self.mask.leading_ones() {
            128 => write!(f, "{address}"),
            length => write!(f, "{address}/{}", length - before),
        }
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests;
