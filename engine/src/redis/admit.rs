//! Admission: a connect attempt, from what it proves itself with to its place.

use std::{sync::Arc, time::Duration};

use kernel::{
    message::Fenced,
    registry::{Admitted, Attempt, Grant, Proof, Registry, Verdict, Withdrawn},
};
use protocol::{
    close::CloseCode,
    id::{ResumeToken, Ticket},
    name::UserId,
    time::Timestamp,
};

use super::{
    Redis,
    kept::{self, Token},
    link::Fault,
    look::Look,
    shade,
    step::{Manner, Taken},
};
use crate::contract::{Admission, Departed, Failed, NotAdmitted, NotMinted};

/// To whom a proof belongs.
enum Owner {
    /// A user.
    User(UserId),
    /// A session that ended with this code.
    Ended(CloseCode),
    /// Nobody.
    Nobody,
}

impl Redis {
    pub(super) async fn issue(
        &self,
        ticket: Ticket,
        grant: Grant,
        ttl: Duration,
    ) -> Result<Timestamp, NotMinted> {
        let ticket = shade::ticket(ticket);
        let look = Look { block: true, ticket: Some(ticket), ..Look::at(&grant.user) };
        let step = |now, registry: &mut Registry| {
            (registry.mint(now, ticket, grant.clone(), ttl), Vec::new())
        };
        let manner = Manner { adds: true, ..Manner::default() };
        let taken = self.take(look, manner, step).await.map_err(Fault::of_step)?;
        taken.outcome.ok_or(NotMinted::Blocked)
    }

    pub(super) async fn find_place(&self, attempt: &Attempt) -> Result<Admission, NotAdmitted> {
        let hidden = shade::attempt(attempt);
        let user = match self.owner(&hidden.proof).await.map_err(Fault::of_look)? {
            Owner::User(user) => user,
            Owner::Ended(code) => return Err(NotAdmitted::Refused(code)),
            Owner::Nobody => {
                let code = match attempt.proof {
                    Proof::Ticket(..) => CloseCode::TicketUnknown,
                    Proof::Resume(..) => CloseCode::CannotResume,
                };
                return Err(NotAdmitted::Refused(code));
            }
        };
        let (mut look, mut seal) = (Look::at(&user), String::new());
        look.tokens = vec![hidden.token];
        look.leased = Some(Arc::clone(&attempt.node));
        look.block = true;
        match (attempt.proof, hidden.proof) {
            (Proof::Ticket(ticket, _), Proof::Ticket(hidden, _)) => {
                look.ticket = Some(hidden);
                seal = shade::seal(ticket, attempt.session, attempt.token);
            }
            (_, Proof::Resume(token, _)) if token != hidden.token => look.tokens.push(token),
            (_, Proof::Resume(..) | Proof::Ticket(..)) => {}
        }
        let at_head = matches!(attempt.proof, Proof::Ticket(_, None));
        // Who comes back was there before.
        let adds = matches!(attempt.proof, Proof::Ticket(..));
        let manner = Manner { seal: &seal, at_head, adds };
        let taken = self.take(look, manner, |now, registry| registry.admit(now, &hidden)).await;
        let taken = taken.map_err(Fault::of_step)?;
        self.placed(attempt, &hidden, &taken)
    }

    /// Turns what the rules say of hidden tokens into what whoever connects may know.
    fn placed(
        &self,
        attempt: &Attempt,
        hidden: &Attempt,
        taken: &Taken<Verdict>,
    ) -> Result<Admission, NotAdmitted> {
        let (mut admitted, ended) = match taken.outcome.clone() {
            Verdict::Admitted { admitted, ended } => (admitted, ended),
            Verdict::Asked(asked) => return Err(NotAdmitted::Asked(asked)),
            Verdict::Refused(code) => return Err(NotAdmitted::Refused(code)),
        };
        if let Some(head) = taken.head.filter(|_| taken.joined) {
            (admitted.joined, admitted.after) = (head, head);
        }
        let spent = taken.seen.ticket.as_ref().map(|ticket| &ticket.state);
        let token = token_of(attempt, hidden, &admitted, spent);
        let token = token.ok_or(NotAdmitted::Refused(CloseCode::TicketSpent))?;
        if let Some(standing) = taken.standing(admitted.fenced.session)
            && *self.me == *attempt.node
        {
            let seen = || taken.seen.person().map(|person| person.stream.head());
            let head = taken.head.or_else(seen).unwrap_or_default();
            let epoch = taken.seen.epoch().map_err(Fault::of_change)?;
            self.roll.add(&admitted.user, standing, (admitted.joined, head), epoch);
        }
        admitted.token = token;
        Ok(Admission { admitted, ended })
    }

    async fn owner(&self, proof: &Proof) -> Result<Owner, Fault> {
        let key = match proof {
            Proof::Ticket(ticket, _) => self.keys.ticket(*ticket),
            Proof::Resume(token, _) => self.keys.token(*token),
        };
        let Some(found) = self.get(proof.partition(), &key).await? else {
            return Ok(Owner::Nobody);
        };
        if matches!(proof, Proof::Ticket(..)) {
            return Ok(Owner::User(kept::read::<kept::Ticket>(&found)?.user));
        }
        let token: Token = kept::read(&found)?;
        Ok(match (token.code()?, token) {
            (Some(code), _) => Owner::Ended(code),
            (None, Token::User(user)) => Owner::User(user),
            (None, Token::Ended(_)) => Owner::Nobody,
        })
    }

    pub(super) async fn take_back(&self, attempt: &Attempt) -> Result<Departed, Failed> {
        let hidden = shade::attempt(attempt);
        let owner = self.owner(&hidden.proof).await.map_err(Fault::of_look)?;
        let user = match owner {
            Owner::User(user) => Some(user),
            Owner::Ended(_) | Owner::Nobody => None,
        };
        let look = Look {
            partition: attempt.proof.partition(),
            user,
            ticket: None,
            tokens: vec![hidden.token],
            block: false,
            leased: None,
        };
        let step = |now, registry: &mut Registry| registry.withdraw(now, &hidden);
        let taken = self.take(look, Manner::default(), step).await.map_err(Fault::of_step)?;
        let standing = taken.seen.standing();
        for one in standing.filter(|one| one.token == hidden.token) {
            let fenced = Fenced { session: one.id, fence: one.fence };
            let is_gone = taken.outcome != Withdrawn::Nothing;
            self.strike(fenced, taken.seen.node_of(fenced).filter(|_| is_gone));
        }
        Ok(taken.outcome.into())
    }

    pub(super) async fn keep(&self, token: ResumeToken, wait: Duration) -> Result<(), Failed> {
        let token = shade::token(token);
        let found =
            self.get(token.partition(), &self.keys.token(token)).await.map_err(Fault::of_look)?;
        let token_of = found.map(|found| kept::read::<Token>(&found)).transpose();
        let Some(Token::User(user)) = token_of.map_err(Fault::of_look)? else { return Ok(()) };
        let step = |now, registry: &mut Registry| {
            registry.hold(now, token, wait);
            ((), Vec::new())
        };
        self.take(Look::at(&user), Manner::default(), step).await.map(drop).map_err(Fault::of_step)
    }
}

/// The token that whoever attempted was given, now or the first time.
fn token_of(
    attempt: &Attempt,
    hidden: &Attempt,
    admitted: &Admitted,
    spent: Option<&kept::Spending>,
) -> Option<ResumeToken> {
    if admitted.token == hidden.token {
        return Some(attempt.token);
    }
    let (Proof::Ticket(ticket, _), Some(kept::Spending::Spent { by, seal })) =
        (attempt.proof, spent)
    else {
        return None;
    };
    shade::unseal(ticket, *by, seal).filter(|token| shade::token(*token) == admitted.token)
}
