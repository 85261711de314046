//! Connect: a session at the terminal. Prints frames, sends lines, and comes back when its socket
//! is lost.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use protocol::{
    CONNECT_PATH,
    close::Advice,
    grant::SendGrant,
    http::{TicketReply, TicketRequest},
    limit,
    name::UserId,
};
use sdk::{Cause, End, Events, NoTicket, Pace, Raw, Session, State, Ticket};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    api::Api,
    args,
    failure::{Failure, Kind},
    out,
    serve::Stop,
};

/// Threads besides the one that the command began on.
const THREADS: usize = 1;

/// The longest wait for a server on this machine. Few others wait for it, and whoever starts it again
/// looks on.
const NEAR_RETRY_MAX: Duration = Duration::from_secs(2);

/// Lines that are sent and not answered yet; more of them wait in standard input.
const SENDS_MAX: usize = 50;

/// Who is asked for tickets, and for which.
type Asked = Arc<(Api, TicketRequest)>;

/// Is a session until it ends, or is told to stop.
pub(crate) fn run(args: args::Connect) -> Result<(), Failure> {
    let api = Api::new(&args.server)?;
    let to = args.to.unwrap_or_else(|| args.user.clone());
    let mut request = crate::ticket::request(args.user, args.grant);
    request.send.get_or_insert_with(|| SendGrant::Users(Box::new([to.clone()])));
    // The first one is asked for here: a wrong address or key is no reason to try for ever.
    let first: TicketReply = api.post("/v1/tickets", &request)?;
    let is_named = !first.urls.is_empty();
    let certificates = api.certificates().to_owned();
    // Whoever reads what is printed may hold it up. The session then waits, and signals are heard.
    let print = |frame: &str| tokio::task::block_in_place(|| out::line(frame));
    let mut builder = Session::builder(api.socket_url()).tap(print);
    if api.is_near() {
        builder = builder.pace(Pace { retry_max: NEAR_RETRY_MAX, ..Pace::default() });
    }
    if !certificates.is_empty() {
        builder = builder.root_certificates(certificates);
    }
    let first = Mutex::new(Some(first));
    let api = Arc::new((api, request));
    let asked = Arc::clone(&api);
    let builder = builder.ticket(move |_| {
        let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let api = Arc::clone(&asked);
        async move {
            let Some(first) = first else { return another(api).await };
            Ok(Ticket::from(first))
        }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let outcome = runtime.block_on(async {
        let (session, events) = builder.start().map_err(Failure::failed)?;
        let state = session.watch();
        let terminal = Terminal::new(session, to, args.lose_socket);
        tokio::select! {
            outcome = terminal.attend(events) => outcome,
            failure = misled(api, state), if !is_named => Err(failure),
        }
    });
    // Standard input may be in a read that nothing ends.
    runtime.shutdown_background();
    outcome
}

/// A ticket for when the session cannot resume. Only a key that is refused is no matter of time.
async fn another(api: Asked) -> Result<Ticket, NoTicket> {
    let asked = move || api.0.post::<TicketReply>("/v1/tickets", &api.1);
    match tokio::task::spawn_blocking(asked).await? {
        Ok(reply) => Ok(reply.into()),
        Err(failure) if failure.kind() == Kind::KeyRefused => Err(NoTicket::refused(failure)),
        Err(failure) => Err(failure.into()),
    }
}

/// Returns when nobody can connect there: it is where the API is, and tickets name no other place.
async fn misled(api: Asked, mut state: watch::Receiver<State>) -> Failure {
    let unreachable =
        |state: &State| matches!(state, State::Waiting { cause: Cause::Unreachable(_), .. });
    let asked = Arc::clone(&api);
    let is_tried = state.wait_for(|state| state.is_live() || unreachable(state)).await;
    if is_tried.is_ok_and(|state| unreachable(&state)) {
        let page = tokio::task::spawn_blocking(move || asked.0.page(CONNECT_PATH)).await;
        if let Ok(Err(failure)) = page
            && failure.kind() == Kind::NotFound
        {
            let text = format!(
                "{} is for the API and not for sessions, and does not say where they connect; set \
                 public_url in its configuration",
                api.0.at("")
            );
            return Failure::new(Kind::NotFound, text);
        }
    }
    std::future::pending().await
}

/// A session, and who sits before it.
struct Terminal {
    session: Session,
    /// To whom lines are sent.
    to: UserId,
    /// How long the socket is there, and then away, if it is to be lost on purpose.
    lose: Option<Duration>,
    /// When it is to be lost.
    lose_at: Option<Instant>,
    /// Whether it was told that the session has no socket.
    away: bool,
    /// Lines that are on their way.
    sends: JoinSet<()>,
}

impl Terminal {
    fn new(session: Session, to: UserId, lose: Option<Duration>) -> Self {
        Self { session, to, lose, lose_at: None, away: false, sends: JoinSet::new() }
    }

    async fn attend(mut self, mut events: Events<Raw>) -> Result<(), Failure> {
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        let mut reading = true;
        let mut state = self.session.watch();
        let mut stop = Stop::watch().await?;
        let mut present = state.borrow_and_update().clone();
        self.note(&present);
        loop {
            let reads = reading && present.is_live() && self.sends.len() < SENDS_MAX;
            tokio::select! {
                // All that is to be seen of them was printed when they came.
                event = events.next() => if event.is_none() { break },
                // Without a socket lines wait where they are.
                line = lines.next_line(), if reads => match line {
                    Ok(Some(line)) => self.say(&line).await?,
                    // Without input it still prints; without a terminal that is all it is for.
                    Ok(None) | Err(_) => reading = false,
                },
                Some(_) = self.sends.join_next() => {}
                Ok(()) = state.changed() => {
                    present = state.borrow_and_update().clone();
                    self.note(&present);
                }
                () = sleep_until(self.lose_at.unwrap_or_else(Instant::now)), if self.lose_at.is_some() => {
                    self.lose_socket().await;
                }
                () = stop.called() => {
                    // Whoever reads what is printed may hold it up; and whoever asks twice is in a
                    // hurry.
                    tokio::select! {
                        _ = timeout(limit::CLOSE_WAIT, self.session.leave()) => {}
                        () = stop.called() => {}
                    }
                    return Ok(());
                }
            }
        }
        ended(self.session.ended().await)
    }

    /// Tells on standard error when the socket is lost, and when there is one again.
    fn note(&mut self, state: &State) {
        match state {
            State::Waiting { wait, cause } => {
                let seconds = wait.as_secs_f64();
                out::note(match cause {
                    Cause::Asked => {
                        format!("the socket is lost on purpose; back in {seconds:.1} s")
                    }
                    cause => {
                        let why = cause.to_string();
                        format!("{}; trying again in {seconds:.1} s", why.trim_end_matches('.'))
                    }
                });
                self.away = true;
            }
            State::Live(live) => {
                if std::mem::take(&mut self.away) {
                    out::note(match live.resumed {
                        true => "the session is back",
                        false => "a new session is there",
                    });
                }
                if let Some(lose) = self.lose.filter(|_| self.lose_at.is_none()) {
                    self.lose_at = Some(Instant::now() + lose);
                }
            }
            State::Connecting | State::Ended(_) => {}
        }
    }

    async fn lose_socket(&mut self) {
        self.lose_at = None;
        if let Some(lose) = self.lose.take() {
            self.session.reconnect_after(lose).await;
        }
    }

    /// A line that is a frame goes as it is; any other is data of a message.
    async fn say(&mut self, line: &str) -> Result<(), Failure> {
        if line.trim().is_empty() {
            return Ok(());
        }
        let value = serde_json::from_str::<Value>(line).unwrap_or_default();
        let session = self.session.clone();
        match value.get("type").and_then(Value::as_str) {
            Some("leave") => {
                // Frames that come until then are printed still.
                tokio::spawn(async move { session.leave().await });
            }
            Some(_) => {
                if !session.say(line).await {
                    out::note("not sent: there is no socket now");
                }
            }
            None => {
                let sending = session.send(self.to.as_str(), &crate::ticket::data(line)?);
                self.sends.spawn(async move {
                    // What the server says is printed as it comes.
                    if let Err(error) = sending.await
                        && !matches!(error, sdk::SendError::Refused(_))
                    {
                        out::note(error.to_string());
                    }
                });
            }
        }
        Ok(())
    }
}

/// What the end of a session is to whoever ran the command.
fn ended(end: End) -> Result<(), Failure> {
    match end {
        End::Left => Ok(()),
        End::Closed(closed) => {
            let advice = match closed.advice() {
                Advice::Resume => "come back",
                Advice::NewTicket => "get a new ticket",
                Advice::Stop => "do not come back",
            };
            Err(Failure::failed(format!("closed: {closed} ({advice})")))
        }
        End::Refused(why) => Err(Failure::new(Kind::KeyRefused, why)),
        end => Err(Failure::failed(end)),
    }
}
