//! A chat at the terminal: `chat ADDRESS TICKET PEER`.
//!
//! Start a node and two chats, each in a terminal of its own:
//!
//! ```sh
//! usher dev
//! cargo run --example chat -- ws://127.0.0.1:7328 "$(usher ticket alice --send bob)" bob
//! cargo run --example chat -- ws://127.0.0.1:7328 "$(usher ticket bob --send alice)" alice
//! ```
//!
//! Suspend one of them for a minute, talk to it meanwhile, and wake it up: it has lost its socket,
//! resumes, and shows what it missed. An app of yours would ask its backend for tickets; this one
//! has only the one that it was given, and ends when it would need another.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a person")]

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use usher_client::{Event, NoTicket, Reason, Session, State, Ticket};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, ticket, peer] = &arguments[..] else {
        return Err("give an address, a ticket, and whom to talk to".into());
    };
    let ticket: Ticket = ticket.parse()?;
    let (session, mut events) = Session::builder(address.as_str())
        .ticket(move |reason| {
            let ticket = ticket.clone();
            async move {
                match reason {
                    Reason::Initial => Ok(ticket),
                    _ => Err(NoTicket::refused("start the chat again, with a new ticket")),
                }
            }
        })
        .start::<Value>()?;

    let mut state = session.watch();
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Event::Message(message)) => match (message.from, message.echo_of) {
                    (_, Some(to)) => println!("you to {to}, elsewhere: {}", message.data),
                    (Some(from), None) => println!("{from}: {}", message.data),
                    (None, None) => println!("{}", message.data),
                },
                Some(Event::Gap(gap)) => println!("… messages are missing: {:?}", gap.reason),
                Some(Event::Unreadable { error, .. }) => println!("… {error}"),
                None => break,
            },
            line = lines.next_line() => match line? {
                Some(line) => {
                    let sending = session.send(peer, &line);
                    // Told when it is known; meanwhile the chat goes on.
                    tokio::spawn(async move {
                        if let Err(error) = sending.await {
                            println!("… \"{line}\" did not arrive: {error}");
                        }
                    });
                    session.active().await;
                }
                None => break,
            },
            Ok(()) = state.changed() => match &*state.borrow_and_update() {
                State::Live(live) => eprintln!("[here as {}]", live.user),
                State::Waiting { cause, .. } => eprintln!("[away: {cause}]"),
                State::Connecting | State::Ended(_) => {}
            },
        }
    }
    eprintln!("[{}]", session.leave().await);
    Ok(())
}
