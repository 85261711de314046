//! Operate: what operators ask of nodes, and of users who misbehave.

use protocol::{
    http::{self, BlockReply, BlockRequest, List, Node, NodeState},
    time::Timestamp,
};

use crate::{
    api::{Api, segment},
    args::{Block, Drain, Format, Health, Nodes},
    failure::{Failure, Kind},
    out, utc,
};

/// Lists nodes.
pub(crate) fn nodes(args: &Nodes) -> Result<(), Failure> {
    let nodes: List<Node> = Api::new(&args.server)?.get("/v1/nodes")?;
    if args.output == Format::Json {
        return out::json(&nodes);
    }
    let head = ["NODE", "STATE", "SESSIONS", "VERSION", "STARTED", "URL"];
    let rows = nodes.items.iter().map(|node| {
        vec![
            node.node.clone(),
            state(node.state).to_owned(),
            node.sessions.to_string(),
            node.version.clone(),
            utc::text(node.started_at),
            node.url.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    });
    let rows: Vec<_> = std::iter::once(head.map(str::to_owned).to_vec()).chain(rows).collect();
    out::table(&rows);
    Ok(())
}

fn state(state: NodeState) -> &'static str {
    match state {
        NodeState::Ready => "ready",
        NodeState::Draining => "draining",
        NodeState::LostEngine => "lost-engine",
    }
}

/// Asks a node to go away.
pub(crate) fn drain(args: Drain) -> Result<(), Failure> {
    let api = Api::new(&args.server)?;
    let name = match args.node {
        Some(name) => name,
        None => the_only(api.get("/v1/nodes")?)?,
    };
    let path = format!("/v1/nodes/{}/drain", segment(&name));
    let node: Node = api.post(&path, &serde_json::json!({}))?;
    match args.output {
        Format::Json => out::json(&node),
        Format::Table => {
            let sessions = u32::try_from(node.sessions).unwrap_or(u32::MAX);
            let sessions = out::sessions(sessions);
            out::line(format!("{name} goes away: sends {sessions} elsewhere, then exits"));
            Ok(())
        }
    }
}

/// The name of the node, where nobody else can be meant.
fn the_only(nodes: List<Node>) -> Result<String, Failure> {
    let mut names: Vec<String> = nodes.items.into_iter().map(|node| node.node).collect();
    match (names.pop(), &names[..]) {
        (Some(name), []) => Ok(name),
        (Some(last), others) => {
            Err(Failure::usage(format!("which node? There are {} and {last}", others.join(", "))))
        }
        (None, _) => Err(Failure::new(Kind::NotFound, "there is no node")),
    }
}

/// Keeps a user out, lets one in again, or lists who is kept out.
pub(crate) fn block(args: &Block) -> Result<(), Failure> {
    let api = Api::new(&args.server)?;
    let Some(user) = &args.user else { return blocks(&api, args.output) };
    let path = format!("/v1/users/{}/block", segment(user.as_str()));
    let reply: BlockReply = match args.lift {
        true => api.delete(&path)?,
        false => api.put(&path, &BlockRequest { ttl: args.ttl })?,
    };
    match args.output {
        Format::Json => out::json(&reply),
        Format::Table => {
            out::line(match args.lift {
                true => format!("{user} may come again"),
                false => format!("{user} is kept out; ended {}", out::sessions(reply.closed)),
            });
            Ok(())
        }
    }
}

fn blocks(api: &Api, output: Format) -> Result<(), Failure> {
    let blocks: List<http::Block> = api.all("/v1/blocks", "")?;
    match output {
        Format::Json => out::json(&blocks),
        Format::Table if blocks.items.is_empty() => {
            out::note("nobody is kept out; keep somebody out with `usher block alice`");
            Ok(())
        }
        Format::Table => {
            let until = |until: Option<Timestamp>| until.map_or_else(|| "-".to_owned(), utc::text);
            let rows =
                blocks.items.iter().map(|item| vec![item.user.to_string(), until(item.until)]);
            let head = ["USER", "UNTIL"].map(str::to_owned).to_vec();
            out::table(&std::iter::once(head).chain(rows).collect::<Vec<_>>());
            Ok(())
        }
    }
}

/// Tells whether a node is ready.
pub(crate) fn health(args: &Health) -> Result<(), Failure> {
    let api = Api::new(&args.server)?;
    out::line(api.page("/readyz")?.trim_end());
    Ok(())
}
