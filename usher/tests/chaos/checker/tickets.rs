//! Tickets.
//!
//! I1: over all nodes and all time, at most one session is welcomed with a ticket, and once.
//! I2: nobody is welcomed with a ticket as another user, from another page than it is for, or when
//! it is over: the expiry that the API told, and the allowance, are before the first byte.

use std::collections::HashMap;

use super::{
    ALLOWANCE, Breach,
    story::{Mark, Socket, Story},
};

pub(super) fn judge(story: &Story) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut welcomed: HashMap<&str, Vec<(&Socket, Mark)>> = HashMap::new();
    for socket in story.sockets.values() {
        let (Some(ticket), Some(welcome)) = (&socket.ticket, &socket.welcome) else { continue };
        welcomed.entry(ticket).or_default().push((socket, welcome.mark));
        let marks = [socket.dialed, welcome.mark];
        if let Some(why @ ("origin" | "expired")) = socket.trespass.as_deref() {
            breaches.push(Breach::new("I2", format!("let in in spite of {why}"), &marks));
        }
        let Some((minted, user, _, expires_at)) = story.tickets.get(ticket) else { continue };
        if *user != welcome.user {
            let what = format!("a ticket of {user} let in {}", welcome.user);
            breaches.push(Breach::new("I2", what, &[*minted, marks[0], marks[1]]));
        }
        if socket.dialed.at > expires_at + ALLOWANCE {
            let what = format!("a ticket that expired at {expires_at} let {user} in");
            breaches.push(Breach::new("I2", what, &[*minted, marks[0], marks[1]]));
        }
    }
    for (ticket, all) in welcomed {
        if all.len() > 1 {
            let marks: Vec<Mark> =
                all.iter().flat_map(|(socket, mark)| [socket.dialed, *mark]).collect();
            let what = format!("ticket {ticket} let in {} times", all.len());
            breaches.push(Breach::new("I1", what, &marks));
        }
    }
    breaches
}
