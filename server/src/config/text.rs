//! Text: settings that are words, each parsed by the rule of what it names.

use std::net::SocketAddr;

use protocol::{grant::Origin, limit::NAME_BYTES_MAX};

use engine::place::Place;

use super::Config;
use crate::proxies::{Network, Proxies};

pub(super) fn set_listen(config: &mut Config, items: &[&str]) -> Result<(), (usize, String)> {
    config.listen = addresses(items)?;
    match config.listen.is_empty() {
        true => Err((0, "must have at least one address".to_owned())),
        false => Ok(()),
    }
}

pub(super) fn set_api_listen(config: &mut Config, items: &[&str]) -> Result<(), (usize, String)> {
    config.api_listen = addresses(items)?;
    Ok(())
}

/// A list as it is written.
pub(super) fn written(items: &[impl ToString]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn addresses(items: &[&str]) -> Result<Vec<SocketAddr>, (usize, String)> {
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let address = item.parse().map_err(|_not_an_address| {
            let detail = "must be an IP address and a port, such as \"0.0.0.0:7328\" or \
                          \"[::]:7328\"";
            (index, detail.to_owned())
        })?;
        if addresses.contains(&address) {
            return Err((index, format!("must have each address once, and {address} is twice")));
        }
        addresses.push(address);
    }
    Ok(addresses)
}

pub(super) fn set_allowed_origins(
    config: &mut Config,
    items: &[&str],
) -> Result<(), (usize, String)> {
    let parse = |(index, item): (usize, &&str)| match *item {
        "*" => {
            let detail = "must not be \"*\", by which any page on the web could act for its \
                          visitors; list the origins of your pages, such as \
                          \"https://app.example.com\", or give tickets an origin";
            Err((index, detail.to_owned()))
        }
        item => Origin::parse(item).map_err(|detail| (index, detail.to_owned())),
    };
    config.allowed_origins = items.iter().enumerate().map(parse).collect::<Result<_, _>>()?;
    Ok(())
}

pub(super) fn set_trusted_proxies(
    config: &mut Config,
    items: &[&str],
) -> Result<(), (usize, String)> {
    let parse =
        |(index, item): (usize, &&str)| Network::parse(item).map_err(|detail| (index, detail));
    let networks = items.iter().enumerate().map(parse).collect::<Result<_, _>>()?;
    config.trusted_proxies = Proxies::new(networks);
    Ok(())
}

pub(super) fn set_public_url(config: &mut Config, text: &str) -> Result<(), String> {
    config.public_url = Some(socket_url(text)?);
    Ok(())
}

pub(super) fn set_node_url(config: &mut Config, text: &str) -> Result<(), String> {
    config.node_url = Some(socket_url(text)?);
    Ok(())
}

/// Says nothing of what was written: people put passwords in URLs.
fn socket_url(text: &str) -> Result<String, String> {
    // An origin has the same form: scheme, host and port in lower case, and nothing behind.
    let origin = Origin::parse(text).ok();
    let host = text.strip_prefix("wss://").or_else(|| text.strip_prefix("ws://"));
    let port_valid = host.and_then(port).is_none_or(|port| port.parse::<u16>().is_ok());
    if origin.is_none() || host.is_none() || !port_valid {
        let detail = "must be wss://host or wss://host:port (or ws://) in lower case, without \
                      a user, path or query";
        return Err(detail.to_owned());
    }
    Ok(text.to_owned())
}

/// What stands behind the host, if anything; an address of IPv6 has brackets.
fn port(host: &str) -> Option<&str> {
    let behind = host.rsplit(']').next().unwrap_or(host);
    behind.split_once(':').map(|(_, port)| port)
}

pub(super) fn set_node(config: &mut Config, text: &str) -> Result<(), String> {
    word(text)?;
    text.clone_into(&mut config.node);
    Ok(())
}

/// Says nothing of what was written, either. What a variable or flag has commas between is put
/// together again: there are commas in URLs of engines too.
pub(super) fn set_engine_url(config: &mut Config, items: &[&str]) -> Result<(), (usize, String)> {
    let place = Place::parse(&items.join(","));
    config.engine.url = place.map_err(|misread| (0, misread.to_string()))?;
    Ok(())
}

pub(super) fn set_engine_prefix(config: &mut Config, text: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:".contains(&b);
    if text.is_empty() || text.len() > NAME_BYTES_MAX || !text.bytes().all(plain) {
        return Err(format!(
            "must be 1 to {NAME_BYTES_MAX} letters, digits, '-', '_', '.' and ':'"
        ));
    }
    text.clone_into(&mut config.engine.prefix);
    Ok(())
}

/// Names that stand in URLs, tables and labels without quoting.
pub(super) fn word(text: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let valid = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(plain)
        && text.len() <= NAME_BYTES_MAX;
    if valid {
        Ok(())
    } else {
        Err(format!(
            "must be 1 to {NAME_BYTES_MAX} letters, digits, '-', '_' and '.', and begin with a \
             letter or digit"
        ))
    }
}
