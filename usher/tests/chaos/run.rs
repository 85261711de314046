//! Run: a stage, a cast, and a plan that befalls them; then peace, in which all must be well.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    cast::Cast,
    checker,
    log::{self, Log, What},
    others,
    plan::Plan,
    stage::{RESUMES_PER_SECOND, Stage, Terms},
    verdict::Verdict,
    world::{Mood, World},
};

/// How long peace may take to come.
const PEACE: Duration = Duration::from_secs(30);

/// Between two looks whether this process gets to run, and from when on it is late.
const PULSE: Duration = Duration::from_millis(100);
const LATE: Duration = Duration::from_millis(250);

/// What to run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) plan: Plan,
    /// How often the smallest cast.
    pub(crate) times: usize,
    /// A fault that is in the nodes.
    pub(crate) planted: Option<&'static str>,
    pub(crate) name: String,
}

impl Run {
    /// Runs it, and judges the log.
    pub(crate) fn judged(&self) -> Verdict {
        let folder = folder(&self.name);
        match block_on(self.play(&folder)) {
            Ok(()) => judge(&folder.join(LOG)),
            Err(why) => Verdict::setup(format!("{why}; see {}", folder.display())),
        }
    }

    async fn play(&self, folder: &Path) -> Result<(), String> {
        std::fs::remove_dir_all(folder).ok();
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let path = folder.join(LOG);
        let log = Log::create(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let seed = self.plan.seed;
        log.write(What::Plan { seed, text: self.plan.text() });
        let (shape, planted, resumes) = (self.plan.shape, self.planted, RESUMES_PER_SECOND);
        let terms = Terms { seed, shape, planted, resumes };
        let mut stage = Stage::build(&log, folder, terms).await?;
        let (mood, told) = watch::channel(Mood::Wild);
        let world = World::new(&log, stage.places(), told, seed);
        let cast = Cast::new(&world, self.times);
        let trying = cast.trying();
        let mut tasks = JoinSet::new();
        tasks.spawn(feel(log.clone(), world.mood.clone()));
        let last = cast.act(&mut tasks);
        let ended = self.suffer(&mut stage, &log).await;
        // Nodes with a bug need not come to rest.
        if ended.is_ok() && self.planted.is_none() {
            mood.send_replace(Mood::Calm);
            for (by, user) in &trying {
                log.write(What::Trying { by: by.clone(), user: user.clone() });
            }
            log.write(What::Healed);
            calm(&world, &trying, last).await;
            stage.look_after();
        }
        log.write(What::Over);
        mood.send_replace(Mood::Over);
        let everybody = async { while tasks.join_next().await.is_some() {} };
        tokio::time::timeout(PEACE, everybody).await.ok();
        tasks.abort_all();
        stage.cries();
        log.flush();
        ended
    }

    async fn suffer(&self, stage: &mut Stage, log: &Log) -> Result<(), String> {
        sleep(Duration::from_secs(3)).await;
        for step in &self.plan.steps {
            stage.suffer(step).await?;
            sleep(step.rest).await;
            log.flush();
        }
        stage.heal().await
    }
}

/// Runs something on threads of its own.
pub(crate) fn block_on<T>(what: impl Future<Output = T>) -> T {
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    let threads = threads.worker_threads(2).enable_all().build();
    threads.expect("there are threads").block_on(what)
}

/// The log of a run, in its folder.
pub(crate) const LOG: &str = "log.jsonl";

/// Where a run of this name leaves its logs.
pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("chaos").join(name)
}

/// Judges a log that is there.
pub(crate) fn judge(path: &Path) -> Verdict {
    match log::read(path) {
        Ok(entries) => {
            let breaches = checker::judge(&entries);
            let report = checker::report(&entries, &breaches);
            Verdict::of(&breaches, format!("{report}log: {}", path.display()), &entries)
        }
        Err(why) => Verdict::setup(why),
    }
}

/// Waits until everybody is in, has the last messages sent, and waits until they have come.
async fn calm(world: &World, trying: &[(String, String)], last: Vec<crate::publisher::Publisher>) {
    let publishers = last.len();
    // A Redis that came back as it was has blocks that were lifted since.
    let users: BTreeSet<&String> = trying.iter().map(|(_, user)| user).collect();
    for user in users {
        others::unblock(world, user).await;
    }
    until(|| trying.iter().all(|(by, _)| world.has(by, 0))).await;
    let sends = last
        .into_iter()
        .map(|mut publisher| tokio::task::spawn_blocking(move || publisher.finish()));
    for send in sends.collect::<Vec<_>>() {
        send.await.ok();
    }
    until(|| trying.iter().all(|(by, _)| world.has(by, publishers))).await;
    // What agrees now is looked at once more.
    sleep(Duration::from_secs(1)).await;
    others::list(world, &world.places[0]).await;
}

/// Waits until it is so, or long enough.
async fn until(is_so: impl Fn() -> bool) {
    let end = Instant::now() + PEACE;
    while !is_so() && Instant::now() < end {
        sleep(Duration::from_millis(100)).await;
    }
}

/// Notes when this process does not get to run.
async fn feel(log: Log, mood: watch::Receiver<Mood>) {
    while *mood.borrow() != Mood::Over {
        let before = Instant::now();
        sleep(PULSE).await;
        let late = before.elapsed().saturating_sub(PULSE);
        if late > LATE {
            let ms = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
            log.write(What::Late { ms });
        }
    }
}
