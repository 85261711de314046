//! Play: one seed, or many of them side by side.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{fault::Fault, log::Log, told::Told, world::World};

/// Lines of the log that are shown of one among many seeds, and of one that is played alone.
const LINES_SHOWN: usize = 200;
const LINES_SHOWN_ALONE: usize = 20_000;

/// Steps between two rests.
const STEPS_TO_REST: usize = 1000;

/// Plays one seed until it ends, or something is to blame.
pub(crate) fn play(seed: u64, steps: usize, fault: Option<Fault>, log: Log) -> World {
    let mut world = World::new(seed, fault, log);
    for step in 1..=steps {
        world.step();
        if step % STEPS_TO_REST == 0 {
            world.come_to_rest();
        }
        if !world.oracle.blames.is_empty() {
            return world;
        }
    }
    world.all_come_back();
    world.all_end();
    world
}

/// Plays seeds side by side; stops at one that went wrong, and plays it once more, aloud.
pub(crate) fn play_all(seeds: &[u64], steps: usize) -> Told {
    let (told, next) = (Mutex::new(Told::default()), AtomicUsize::new(0));
    let work = || {
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            begins(*seed);
            let played = catch_unwind(AssertUnwindSafe(|| play(*seed, steps, None, Log::Silent)));
            let went_well = played.ok().filter(|world| world.oracle.blames.is_empty());
            let Some(world) = went_well else { return Some(*seed) };
            told.lock().unwrap().add(&world.oracle.told);
        }
        None
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(seeds.len());
    let wrong = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let wrong: Vec<_> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
        wrong.into_iter().flatten().min()
    });
    if let Some(seed) = wrong {
        let most = if seeds.len() == 1 { LINES_SHOWN_ALONE } else { LINES_SHOWN };
        plays_aloud(seed, steps, most);
    }
    told.into_inner().unwrap()
}

#[expect(clippy::print_stdout, reason = "whatever happens, what was played is known")]
fn begins(seed: u64) {
    println!("seed {seed}");
}

/// A seed that went wrong goes wrong again: the same happens, and is shown.
#[expect(clippy::print_stdout, reason = "whatever happens, what was played is known")]
fn plays_aloud(seed: u64, steps: usize, most: usize) {
    println!("seed {seed} went wrong; USHER_SIM_SEED={seed} plays it alone");
    let world = play(seed, steps, None, Log::aloud(most));
    panic!("seed {seed}: {:#?}", world.oracle.blames);
}
