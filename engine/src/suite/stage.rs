//! Stage: what every test of the suite stands on: nodes of one engine, and short ways to say
//! things to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::Arc,
    time::Duration,
};

use kernel::{
    message::{Envelope, Fenced, Message, NodeRef, Notice},
    registry::{Admitted, Attempt, Draft, Ended, Grant, Proof, Reader, Receipt},
    stream::Page,
};
use protocol::{
    close::CloseCode,
    data::Data,
    grant::{Meta, Origin, Policy, SendGrant},
    http::Session,
    id::{MessageId, ResumeToken, SessionId, Ticket},
    limit,
    name::{DeviceClass, DeviceId, UserId},
    partition::Partition,
    position::Position,
    target::Target,
};
use tokio::{sync::Barrier, task::JoinSet};

use super::{Node, Rig, dice::Dice};
use crate::contract::{Departed, Departure, Ending, Engine, Failed, NotAdmitted, Query};

/// Nodes that a test uses where an engine can have them.
const NODES_MAX: usize = 3;

pub(super) fn user(name: &str) -> UserId {
    UserId::parse(name).expect("tests use good names")
}

pub(super) fn device(name: &str) -> DeviceId {
    DeviceId::parse(name).expect("tests use good names")
}

pub(super) fn class(name: &str) -> DeviceClass {
    DeviceClass::parse(name).expect("tests use good names")
}

pub(super) fn origin(text: &str) -> Origin {
    Origin::parse(text).expect("tests use good origins")
}

/// What an app says: a text.
pub(super) fn data(text: &str) -> Data {
    let json = serde_json::to_string(text).expect("a text can be written");
    serde_json::from_str(&json).expect("and read again")
}

/// Leave to be `user`, among many others of that user.
pub(super) fn grant(user: &UserId) -> Grant {
    Grant {
        user: user.clone(),
        device: None,
        class: None,
        policy: Policy::MULTI,
        send: SendGrant::None,
        origin: None,
        max_age: None,
        meta: Meta::default(),
    }
}

/// Leave to be `user`, and alone in that.
pub(super) fn single(user: &UserId) -> Grant {
    Grant { policy: Policy::SINGLE, ..grant(user) }
}

pub(super) fn ids(sessions: &[Session]) -> BTreeSet<SessionId> {
    sessions.iter().map(|session| session.id).collect()
}

/// The messages among envelopes, in order.
pub(super) fn messages(mail: &[Envelope]) -> Vec<Arc<Message>> {
    let message = |envelope: &Envelope| match &envelope.notice {
        Notice::Message(message) => Some(Arc::clone(message)),
        Notice::Behind(_) | Notice::End { .. } | Notice::Probe(_) | Notice::Probed(_) => None,
    };
    mail.iter().filter_map(message).collect()
}

/// The sessions that are told to end among envelopes, each with the code.
pub(super) fn ends(mail: &[Envelope]) -> Vec<(Fenced, CloseCode)> {
    let ends = |envelope: &Envelope| match &envelope.notice {
        Notice::Message(_) | Notice::Behind(_) | Notice::Probe(_) | Notice::Probed(_) => Vec::new(),
        Notice::End { sessions, end } => sessions.iter().map(|f| (*f, end.code)).collect(),
    };
    mail.iter().flat_map(ends).collect()
}

/// Does all of them at once, as far as threads allow; answers in the order of the calls.
pub(super) async fn at_once<F>(calls: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let calls: Vec<F> = calls.into_iter().collect();
    let barrier = Arc::new(Barrier::new(calls.len()));
    let mut tasks = JoinSet::new();
    for (n, call) in calls.into_iter().enumerate() {
        let barrier = Arc::clone(&barrier);
        tasks.spawn(async move {
            barrier.wait().await;
            (n, call.await)
        });
    }
    let answers: BTreeMap<usize, F::Output> = tasks.join_all().await.into_iter().collect();
    answers.into_values().collect()
}

/// Nodes of one engine.
pub(super) struct Stage<'a> {
    pub(super) rig: &'a dyn Rig,
    nodes: Vec<Node>,
    made: u64,
}

impl<'a> Stage<'a> {
    pub(super) async fn of(rig: &'a dyn Rig) -> Self {
        let mut nodes = Vec::new();
        for n in 0..rig.nodes().min(NODES_MAX) {
            nodes.push(rig.start(&format!("n{n}")).await);
        }
        assert!(!nodes.is_empty(), "an engine has a node at least");
        Self { rig, nodes, made: 0 }
    }

    /// How many nodes there are.
    pub(super) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Node `n`, counted round, so that a test for three also runs with one.
    pub(super) fn me(&self, n: usize) -> &Arc<NodeRef> {
        &self.nodes[n % self.nodes.len()].me
    }

    /// That node's way to the engine.
    pub(super) fn engine(&self, n: usize) -> Arc<dyn Engine> {
        Arc::clone(&self.nodes[n % self.nodes.len()].engine)
    }

    /// The time in which a session may resume.
    pub(super) fn window(&self) -> Duration {
        self.rig.terms().resume_window
    }

    /// A time that is short to the engine.
    pub(super) fn moment(&self) -> Duration {
        self.window() / 8
    }

    /// Random bits, none given twice.
    pub(super) fn bits(&mut self) -> u128 {
        self.made += 1;
        u128::from(Dice::new(self.made).next()) << 64 | u128::from(self.made)
    }

    pub(super) fn ticket(&mut self, user: &UserId) -> Ticket {
        Ticket::new(Partition::of(user), self.bits())
    }

    pub(super) async fn mint(&mut self, grant: Grant) -> Ticket {
        self.mint_for(grant, limit::TICKET_TTL).await
    }

    pub(super) async fn mint_for(&mut self, grant: Grant, ttl: Duration) -> Ticket {
        let ticket = self.ticket(&grant.user);
        self.engine(0).mint(ticket, grant, ttl).await.expect("a ticket is issued");
        ticket
    }

    /// An attempt at node `n`, not from a browser.
    pub(super) fn attempt(&mut self, proof: Proof, n: usize) -> Attempt {
        let partition = match &proof {
            Proof::Ticket(ticket, _) => ticket.partition(),
            Proof::Resume(token, _) => token.partition(),
        };
        Attempt {
            proof,
            session: SessionId::new(partition, self.bits()),
            token: ResumeToken::new(partition, self.bits()),
            node: Arc::clone(self.me(n)),
            address: Ipv4Addr::LOCALHOST.into(),
            origin: None,
            origin_allowed: false,
        }
    }

    /// A session at the first node.
    pub(super) async fn open(&mut self, grant: Grant) -> Admitted {
        self.open_at(0, grant).await
    }

    /// A session at node `n`.
    pub(super) async fn open_at(&mut self, n: usize, grant: Grant) -> Admitted {
        let ticket = self.mint(grant).await;
        self.try_ticket(n, ticket).await.expect("there is a place")
    }

    /// Tries a ticket at node `n`.
    pub(super) async fn try_ticket(
        &mut self,
        n: usize,
        ticket: Ticket,
    ) -> Result<Admitted, NotAdmitted> {
        let attempt = self.attempt(Proof::Ticket(ticket, None), n);
        admit(&self.engine(n), attempt).await
    }

    /// Tries a token at node `n`, with the last position that the session saw.
    pub(super) async fn try_token(
        &mut self,
        n: usize,
        token: ResumeToken,
        after: Position,
    ) -> Result<Admitted, NotAdmitted> {
        let attempt = self.attempt(Proof::Resume(token, after), n);
        admit(&self.engine(n), attempt).await
    }

    /// The code that a token is refused with.
    pub(super) async fn token_refused(&mut self, token: ResumeToken) -> CloseCode {
        refused(self.try_token(0, token, Position::default()).await)
    }

    pub(super) async fn park(&self, admitted: &Admitted) {
        let parked = self.engine(0).depart(admitted.fenced, Departure::Park).await;
        assert_eq!(parked, Ok(Departed::Parked), "a live session parks");
    }

    pub(super) async fn leave(&self, admitted: &Admitted) {
        let end = Departure::End(CloseCode::CannotResume);
        let left = self.engine(0).depart(admitted.fenced, end).await;
        assert!(matches!(left, Ok(Departed::Ended { .. })), "a session that stands leaves");
    }

    /// Ends sessions by node `n`; which ended.
    pub(super) async fn end(
        &self,
        n: usize,
        ending: &Ending,
        code: CloseCode,
    ) -> Result<Vec<SessionId>, Failed> {
        let ended = self.engine(n).end(ending, code).await?;
        assert!(ended.iter().all(|one| one.code == code), "{ended:?}");
        Ok(ended.into_iter().map(|one| one.session).collect())
    }

    /// A message for all sessions.
    pub(super) fn draft(&mut self) -> Draft {
        let bits = self.bits();
        Draft {
            id: MessageId::new(Partition(0), bits),
            data: data("hello"),
            from: None,
            echo_of: None,
            to: Target::All,
            except: None,
            volatile: false,
            ttl: None,
            key: None,
            by: None,
        }
    }

    /// Sends a message to all sessions of a user.
    pub(super) async fn send(&mut self, user: &UserId) -> Receipt {
        let draft = self.draft();
        self.engine(0).append(user, draft).await.expect("there is room")
    }

    /// Sends a message that takes a position.
    pub(super) async fn number(&mut self, user: &UserId) -> Position {
        self.send(user).await.position.expect("somebody is there")
    }

    pub(super) async fn sessions(&self, user: &UserId) -> Vec<Session> {
        let query = Query::User(user.clone());
        self.engine(0).sessions(&query).await.expect("lists can be read")
    }

    /// All that its user's stream has for a session after a position, as far as one page goes.
    pub(super) async fn read(&self, by: &Admitted, after: Position) -> Page {
        self.read_some(by, after, 10_000, 100 << 20).await.expect("the session stands")
    }

    /// A page for a session, if it stands.
    pub(super) async fn read_some(
        &self,
        by: &Admitted,
        after: Position,
        messages: usize,
        bytes: usize,
    ) -> Option<Page> {
        let reader = Reader { user: by.user.clone(), fenced: by.fenced, after };
        let page = self.engine(0).read(&reader, messages, bytes).await;
        page.expect("streams can be read")
    }

    /// What arrived at node `n` since the last look.
    pub(super) async fn mail(&mut self, n: usize) -> Vec<Envelope> {
        self.rig.arrive().await;
        let n = n % self.nodes.len();
        let mut mail = Vec::new();
        for shard in &mut self.nodes[n].shards {
            while let Ok(letter) = shard.letters.try_recv() {
                mail.extend(letter.envelope());
            }
        }
        mail
    }

    /// The messages to everyone that arrived at each shard since the last look.
    pub(super) async fn broadcasts(&mut self) -> Vec<Vec<Arc<Message>>> {
        self.rig.arrive().await;
        let mut all = Vec::new();
        for shard in self.nodes.iter_mut().flat_map(|node| &mut node.shards) {
            let mut told = Vec::new();
            while let Ok(message) = shard.broadcasts.try_recv() {
                told.push(message);
            }
            all.push(told);
        }
        all
    }

    /// What arrived at all nodes since the last look.
    pub(super) async fn all_mail(&mut self) -> Vec<Envelope> {
        let mut mail = Vec::new();
        for n in 0..self.nodes.len() {
            mail.extend(self.mail(n).await);
        }
        mail
    }

    /// Sweeps until everything was come past, at every node.
    pub(super) async fn sweep(&self) -> Vec<Ended> {
        let mut ended = Vec::new();
        for node in &self.nodes {
            ended.extend(node.sweep().await);
        }
        ended
    }
}

/// Tries to get a place.
pub(super) async fn admit(
    engine: &Arc<dyn Engine>,
    attempt: Attempt,
) -> Result<Admitted, NotAdmitted> {
    engine.admit(attempt).await.map(|admission| *admission.admitted)
}

/// The code of a refusal.
pub(super) fn refused(answer: Result<Admitted, NotAdmitted>) -> CloseCode {
    match answer {
        Err(NotAdmitted::Refused(code)) => code,
        Err(NotAdmitted::Asked(asked)) => panic!("others are asked: {asked:?}"),
        Err(NotAdmitted::Failed(failed)) => panic!("no answer: {failed}"),
        Ok(admitted) => panic!("admitted: {admitted:?}"),
    }
}
