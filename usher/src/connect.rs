//! Connect: a session at the terminal. Prints frames, sends lines.

use futures_util::{SinkExt, StreamExt};
use protocol::{
    SUBPROTOCOL,
    close::{Advice, CloseCode},
    grant::SendGrant,
    http::TicketReply,
    limit,
    name::UserId,
};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue, protocol::CloseFrame},
};

use crate::{
    api::Api,
    args,
    failure::{Failure, Kind},
    out,
    serve::Stop,
};

/// Is a session until its socket closes, the input ends, or told to stop.
pub(crate) fn run(args: args::Connect) -> Result<(), Failure> {
    let api = Api::new(&args.server)?;
    let to = args.to.unwrap_or_else(|| args.user.clone());
    let mut request = crate::ticket::request(args.user, args.grant);
    request.send.get_or_insert_with(|| SendGrant::Users(Box::new([to.clone()])));
    let reply: TicketReply = api.post("/v1/tickets", &request)?;
    let url = reply.urls.first().cloned().unwrap_or_else(|| api.socket_url());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let outcome = runtime.block_on(session(&url, &reply, &to));
    // Standard input may be in a read that nothing ends.
    runtime.shutdown_background();
    outcome
}

async fn session(url: &str, reply: &TicketReply, to: &UserId) -> Result<(), Failure> {
    let mut request = url.into_client_request().map_err(Failure::failed)?;
    let protocols = format!("{SUBPROTOCOL}, ticket.{}", reply.ticket);
    let protocols = HeaderValue::from_str(&protocols).map_err(Failure::failed)?;
    request.headers_mut().insert("sec-websocket-protocol", protocols);
    let (mut socket, _) = connect_async(request)
        .await
        .map_err(|e| Failure::new(Kind::Unreachable, format!("cannot connect to {url}: {e}")))?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut reading = true;
    let mut stop = Stop::watch().await?;
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(frame))) => {
                    out::line(frame.as_str());
                    if is_ping(frame.as_str()) {
                        write(&mut socket, &json!({"type": "pong"}).to_string()).await?;
                    }
                }
                Some(Ok(Message::Close(close))) => return closed(close),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(Failure::failed(format!("socket lost: {error}"))),
                None => return Err(Failure::failed("socket lost")),
            },
            line = lines.next_line(), if reading => match line {
                Ok(Some(line)) if line.trim().is_empty() => {}
                Ok(Some(line)) => write(&mut socket, &frame_of(&line, to)?).await?,
                // Without input it still prints; without a terminal that is all it is for.
                Ok(None) | Err(_) => reading = false,
            },
            () = stop.called() => {
                write(&mut socket, &json!({"type": "leave"}).to_string()).await?;
                let goodbye = async { while let Some(Ok(_)) = socket.next().await {} };
                // A server that does not answer is not waited for.
                tokio::time::timeout(limit::CLOSE_WAIT, goodbye).await.ok();
                return Ok(());
            }
        }
    }
}

type ToServer<S> = tokio_tungstenite::WebSocketStream<S>;

async fn write<S>(socket: &mut ToServer<S>, frame: &str) -> Result<(), Failure>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let sent = socket.send(Message::text(frame)).await;
    sent.map_err(|e| Failure::failed(format!("socket lost: {e}")))
}

fn is_ping(frame: &str) -> bool {
    serde_json::from_str::<Value>(frame).is_ok_and(|frame| frame["type"] == "ping")
}

/// A line that is a frame goes as it is; any other is data of a message.
fn frame_of(line: &str, to: &UserId) -> Result<String, Failure> {
    let is_frame = serde_json::from_str::<Value>(line)
        .is_ok_and(|value| value.get("type").is_some_and(Value::is_string));
    if is_frame {
        return Ok(line.to_owned());
    }
    let data = crate::ticket::data(line)?;
    Ok(json!({"type": "send", "ref": "line", "user": to, "data": data}).to_string())
}

fn closed(close: Option<CloseFrame>) -> Result<(), Failure> {
    let Some(close) = close else { return Ok(()) };
    let number = u16::from(close.code);
    let Some(code) = CloseCode::from_number(number) else {
        return match number {
            1000 => Ok(()),
            _ => Err(Failure::failed(format!("closed: {number} {}", close.reason))),
        };
    };
    let advice = match code.advice() {
        Advice::Resume => "come back",
        Advice::NewTicket => "get a new ticket",
        Advice::Stop => "do not come back",
    };
    Err(Failure::failed(format!("closed: {code}: {} ({advice})", code.text())))
}
