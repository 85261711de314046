//! Handshake: is this request head an opening handshake (RFC 6455, section 4.2), and what does it
//! ask for?
//!
//! A head is looked at as a whole and once. What breaks HTTP's or WebSocket's rules is refused over
//! HTTP; what breaks only ours can be spoken as a close code to those who offered `usher.v1`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kernel::registry::Proof;
use protocol::{
    SUBPROTOCOL,
    close::CloseCode,
    grant::Origin,
    id::{ResumeToken, Ticket},
    limit,
    position::Position,
    problem::ProblemCode,
};
use sha1::{Digest, Sha1};

/// What a well-formed handshake asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    /// The value of `Sec-WebSocket-Accept`.
    pub(crate) accept: String,
    /// Whether it offered `usher.v1`.
    pub(crate) speaks_usher: bool,
    /// What it proves itself with, or why it cannot.
    pub(crate) proof: Result<Proof, CloseCode>,
    /// The page that it comes from, if a browser says so; or that no page has such an origin.
    pub(crate) origin: Result<Option<Origin>, CloseCode>,
}

/// Why a head is no handshake.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoHandshake {
    pub(crate) code: ProblemCode,
    pub(crate) detail: &'static str,
}

const fn no(code: ProblemCode, detail: &'static str) -> NoHandshake {
    NoHandshake { code, detail }
}

const fn bad(detail: &'static str) -> NoHandshake {
    no(ProblemCode::BadRequest, detail)
}

/// What of a handshake is looked at, each header at most once unless HTTP allows more.
#[derive(Default)]
struct Fields<'a> {
    host: Option<&'a str>,
    upgrade: Vec<&'a str>,
    connection: Vec<&'a str>,
    version: Option<&'a str>,
    key: Option<&'a str>,
    protocols: Vec<&'a str>,
    origin: Option<&'a str>,
}

/// Reads a whole request head, up to and with its empty line.
pub(crate) fn read(head: &[u8]) -> Result<Ask, NoHandshake> {
    let mut headers = [httparse::EMPTY_HEADER; limit::HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        // Lines may end with a line feed alone, but what ends a head for us ends it for the parser.
        Ok(httparse::Status::Complete(_)) => return Err(bad("an empty line in the request head")),
        Ok(httparse::Status::Partial) => return Err(bad("the request head is cut off")),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(no(ProblemCode::HeadTooLarge, "more than 64 headers"));
        }
        Err(_) => return Err(bad("the request head is not HTTP/1.1")),
    }
    if request.method != Some("GET") {
        return Err(no(ProblemCode::MethodNotAllowed, "a handshake is a GET"));
    }
    if request.version != Some(1) {
        return Err(bad("a handshake is HTTP/1.1"));
    }
    let fields = fields(request.headers)?;
    let accept = check(&fields)?;
    let query = request.path.and_then(|path| path.split_once('?')).map_or("", |(_, query)| query);
    let (speaks_usher, given) = given(&fields.protocols, query)?;
    let origin = match fields.origin {
        None => Ok(None),
        Some(text) => Origin::parse(text).map(Some).or(Err(CloseCode::Forbidden)),
    };
    Ok(Ask { accept, speaks_usher, proof: given.proof(), origin })
}

/// The values of a header, in their order; of a head that is none, none.
pub(crate) fn values<'h>(head: &'h [u8], name: &str) -> Vec<&'h [u8]> {
    let mut headers = [httparse::EMPTY_HEADER; limit::HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(_) => request
            .headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
            .collect(),
        Err(_) => Vec::new(),
    }
}

fn fields<'a>(headers: &[httparse::Header<'a>]) -> Result<Fields<'a>, NoHandshake> {
    let mut fields = Fields::default();
    for header in headers {
        let value = || std::str::from_utf8(header.value).ok().filter(|value| value.is_ascii());
        let text = || value().map(str::trim).ok_or(bad("a header of the handshake is not ASCII"));
        let once = |field: &mut Option<&'a str>, twice| match field.replace(text()?) {
            None => Ok(()),
            Some(_) => Err(bad(twice)),
        };
        match header.name.to_ascii_lowercase().as_str() {
            "host" => once(&mut fields.host, "two Host headers")?,
            "sec-websocket-version" => once(&mut fields.version, "two versions")?,
            "sec-websocket-key" => once(&mut fields.key, "two keys")?,
            "origin" => once(&mut fields.origin, "two Origin headers")?,
            "upgrade" => fields.upgrade.extend(items(text()?)),
            "connection" => fields.connection.extend(items(text()?)),
            "sec-websocket-protocol" => fields.protocols.extend(items(text()?)),
            "sec-websocket-extensions" => extensions(text()?)?,
            "content-length" if text()? != "0" => return Err(bad("a handshake has no body")),
            "transfer-encoding" => return Err(bad("a handshake has no body")),
            _ => {}
        }
    }
    Ok(fields)
}

fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// Checks what RFC 6455, section 4.2.1, asks of a client; returns the answer to its key.
fn check(fields: &Fields<'_>) -> Result<String, NoHandshake> {
    const NOT_A_HANDSHAKE: NoHandshake =
        no(ProblemCode::UpgradeRequired, "this path takes WebSocket handshakes only");
    let has = |list: &[&str], word: &str| list.iter().any(|item| item.eq_ignore_ascii_case(word));
    if fields.host.is_none() {
        return Err(bad("no Host header"));
    }
    if !has(&fields.upgrade, "websocket") || !has(&fields.connection, "upgrade") {
        return Err(NOT_A_HANDSHAKE);
    }
    if fields.version != Some("13") {
        return Err(no(ProblemCode::UpgradeRequired, "WebSocket version 13 only"));
    }
    let key = fields.key.ok_or(bad("no Sec-WebSocket-Key header"))?;
    if STANDARD.decode(key).map(|nonce| nonce.len()) != Ok(16) {
        return Err(bad("Sec-WebSocket-Key is not 16 bytes in base64"));
    }
    Ok(accept(key))
}

/// The answer to a key (RFC 6455, section 4.2.2, item 5.4).
fn accept(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
}

/// Extensions are all declined, but must be well-formed (RFC 6455, section 9.1).
fn extensions(list: &str) -> Result<(), NoHandshake> {
    const WRONG: NoHandshake = bad("Sec-WebSocket-Extensions is not well-formed");
    for extension in list.split(',') {
        let mut parts = extension.split(';').map(str::trim);
        if !parts.next().is_some_and(is_token) {
            return Err(WRONG);
        }
        for part in parts {
            let fits = match part.split_once('=') {
                None => is_token(part),
                Some((name, value)) => {
                    let quoted = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
                    is_token(name.trim()) && is_token(quoted.unwrap_or(value).trim())
                }
            };
            if !fits {
                return Err(WRONG);
            }
        }
    }
    Ok(())
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let of_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(of_token)
}

/// What was given to prove oneself with, from both places where it can be.
#[derive(Debug, Default)]
struct Given {
    tickets: Vec<String>,
    tokens: Vec<String>,
    positions: Vec<String>,
}

fn given(protocols: &[&str], query: &str) -> Result<(bool, Given), NoHandshake> {
    let (mut speaks_usher, mut known, mut given) = (false, protocols.is_empty(), Given::default());
    for protocol in protocols {
        if !is_token(protocol) {
            return Err(bad("Sec-WebSocket-Protocol is not well-formed"));
        }
        let place = match protocol.split_once('.') {
            _ if *protocol == SUBPROTOCOL => {
                speaks_usher = true;
                known = true;
                continue;
            }
            Some(("ticket", ticket)) => (&mut given.tickets, ticket),
            Some(("resume", token)) => (&mut given.tokens, token),
            Some(("after", position)) => (&mut given.positions, position),
            _ => continue,
        };
        known = true;
        place.0.push(place.1.to_owned());
    }
    if !known {
        return Err(no(ProblemCode::Subprotocol, "offer usher.v1, or no subprotocol"));
    }
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // None of what we give out needs escapes; an escaped one is malformed.
        match name {
            "ticket" => given.tickets.push(value.to_owned()),
            "resume" => given.tokens.push(value.to_owned()),
            "after" => given.positions.push(value.to_owned()),
            _ => {}
        }
    }
    Ok((speaks_usher, given))
}

impl Given {
    fn proof(&self) -> Result<Proof, CloseCode> {
        let after = match self.positions.as_slice() {
            [] => None,
            [position] => Some(position.parse::<Position>().or(Err(CloseCode::ProtocolError))?),
            _ => return Err(CloseCode::ProtocolError),
        };
        match (self.tickets.as_slice(), self.tokens.as_slice(), after) {
            ([], [], _) => Err(CloseCode::TicketMissing),
            ([ticket], [], after) => {
                let ticket = Ticket::parse(ticket).or(Err(CloseCode::TicketMissing))?;
                Ok(Proof::Ticket(ticket, after))
            }
            ([], [token], Some(after)) => {
                let token = ResumeToken::parse(token).or(Err(CloseCode::TicketMissing))?;
                Ok(Proof::Resume(token, after))
            }
            _ => Err(CloseCode::ProtocolError),
        }
    }
}

/// The answer that opens the WebSocket.
pub(crate) fn switching(accept: &str, speaks_usher: bool) -> String {
    let protocol = if speaks_usher { "Sec-WebSocket-Protocol: usher.v1\r\n" } else { "" };
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{protocol}\r\n"
    )
}

#[cfg(test)]
mod tests;
