//! Commands: one function each, from arguments to output.

use std::io::Read;

use clap::CommandFactory;
use protocol::http::{
    CloseReply, List, SendReply, SendRequest, Session, SessionState, TicketReply, TicketRequest,
};

use crate::{
    api::{Api, segment},
    args::{self, Args, Command, Format},
    bench, connect, dev, events,
    failure::{Failure, Kind},
    operate, out, serve,
};

/// Does what was asked for.
pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Dev(args) => dev::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Ticket(args) => ticket(args),
        Command::Send(args) => send(args),
        Command::Sessions(args) => sessions(&args),
        Command::Kick(args) => kick(&args),
        Command::Connect(args) => connect::run(args),
        Command::Block(args) => operate::block(&args),
        Command::Events(args) => events::run(args),
        Command::Nodes(args) => operate::nodes(&args),
        Command::Drain(args) => operate::drain(args),
        Command::Health(args) => operate::health(&args),
        Command::Bench(args) => bench::run(args),
        Command::Config(args) => serve::config(&args.command),
        Command::Completions(args) => {
            completions(args.shell);
            Ok(())
        }
    }
}

fn ticket(args: args::Ticket) -> Result<(), Failure> {
    let api = Api::new(&args.server)?;
    let request = TicketRequest { ttl: args.ttl, ..crate::ticket::request(args.user, args.grant) };
    let reply: TicketReply = api.post("/v1/tickets", &request)?;
    match args.output {
        Format::Json => return out::json(&reply),
        Format::Table if args.as_url => {
            let url = reply.urls.first().cloned().unwrap_or_else(|| api.socket_url());
            out::line(format!("{url}?ticket={}", reply.ticket));
        }
        Format::Table => out::line(reply.ticket.to_string()),
    }
    Ok(())
}

fn send(args: args::Send) -> Result<(), Failure> {
    let api = Api::new(&args.server)?;
    let text = match args.data.as_str() {
        "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(Failure::failed)?;
            text.trim_end_matches(['\n', '\r']).to_owned()
        }
        _ => args.data,
    };
    let request = SendRequest {
        to: args.to,
        except: args.except,
        volatile: args.volatile,
        ttl: args.ttl,
        ..SendRequest::new(crate::ticket::data(&text)?)
    };
    let path = format!("/v1/users/{}/messages", segment(args.user.as_str()));
    let reply: SendReply = api.post(&path, &request)?;
    match args.output {
        Format::Json => out::json(&reply),
        Format::Table => {
            out::line(match (reply.matched, reply.parked) {
                (0, _) => format!("{} {} has no such session now", reply.id, args.user),
                (_, 0) => format!("{} to {}", reply.id, out::sessions(reply.live)),
                (_, parked) => format!(
                    "{} to {}, {parked} more when back",
                    reply.id,
                    out::sessions(reply.live)
                ),
            });
            Ok(())
        }
    }
}

fn sessions(args: &args::Sessions) -> Result<(), Failure> {
    let api = Api::new(&args.server)?;
    let user = args.user.as_ref().map(|user| format!("&user={}", segment(user.as_str())));
    let sessions: List<Session> = api.all("/v1/sessions", &user.unwrap_or_default())?;
    match args.output {
        Format::Json => out::json(&sessions),
        Format::Table if sessions.items.is_empty() => {
            out::note("no sessions; open one with `usher connect alice`");
            Ok(())
        }
        Format::Table => {
            let head = ["SESSION", "USER", "DEVICE", "STATE", "NODE", "ADDRESS"];
            let mut rows = vec![head.map(str::to_owned).to_vec()];
            rows.extend(sessions.items.iter().map(row));
            out::table(&rows);
            Ok(())
        }
    }
}

fn row(session: &Session) -> Vec<String> {
    let device = session.device.as_ref().map(ToString::to_string);
    let state = match session.state {
        SessionState::Live => "live",
        SessionState::Parked => "parked",
    };
    vec![
        session.id.to_string(),
        session.user.to_string(),
        device.unwrap_or_else(|| "-".to_owned()),
        state.to_owned(),
        session.node.clone(),
        session.address.to_string(),
    ]
}

fn kick(args: &args::Kick) -> Result<(), Failure> {
    let api = Api::new(&args.server)?;
    let path = match (&args.user, &args.session) {
        (Some(user), _) => {
            let except = args.except.map(|session| format!("?except={session}"));
            let user = segment(user.as_str());
            format!("/v1/users/{user}/sessions{}", except.unwrap_or_default())
        }
        (None, Some(session)) => format!("/v1/sessions/{session}"),
        (None, None) => return Err(Failure::usage("name a user, or a session with --session")),
    };
    let reply: CloseReply = api.delete(&path)?;
    if let (Some(session), 0) = (args.session, reply.closed) {
        return Err(Failure::new(Kind::NotFound, format!("there is no session {session}")));
    }
    match args.output {
        Format::Json => out::json(&reply),
        Format::Table => {
            out::line(format!("ended {}", out::sessions(reply.closed)));
            Ok(())
        }
    }
}

fn completions(shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "usher", &mut script);
    out::line(String::from_utf8_lossy(&script).trim_end());
}
