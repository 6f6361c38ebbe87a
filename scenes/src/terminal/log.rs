//! Buffers the log while the terminal shows the scene, and prints it once the scene has ended.
#![allow(
    clippy::print_stderr,
    reason = "the buffered log is printed once the terminal is restored"
)]

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use bevy::log::{
    BoxedFmtLayer,
    tracing_subscriber::{self, Layer, filter::filter_fn},
};
use bevy::prelude::*;

use crate::simulation::SIMULATION_THREAD;

/// The number of lines to keep. Older ones are dropped.
const MAX_LINES: usize = 100;

/// The buffered log lines.
#[derive(Resource, Clone, Debug, Default)]
pub(super) struct LogBuffer(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<Vec<u8>>,
    dropped: usize,
}

impl LogBuffer {
    /// Prints the buffered lines, and clears the buffer.
    pub(super) fn print(&self) {
        let lines = std::mem::take(&mut *self.lock());
        if lines.dropped > 0 {
            eprintln!("({} earlier lines of the log are left out)", lines.dropped);
        }
        let mut out = io::stderr().lock();
        for line in lines.kept {
            // If standard error is closed, there is nowhere to report the error.
            let _ = out.write_all(&line);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `tracing_subscriber` writes one line per call.
impl Write for LogBuffer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut lines = self.lock();
        if lines.kept.len() == MAX_LINES {
            lines.kept.pop_front();
            lines.dropped += 1;
        }
        lines.kept.push_back(line.to_owned());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the log to standard error, with escape codes only on a terminal. While the terminal shows the scene, writes to its
/// buffer instead. Leaves out the messages of the simulated players, whose clients report the same network errors as the
/// scene's own.
pub(crate) fn log_layer(app: &mut App) -> BoxedFmtLayer {
    let is_terminal = io::stderr().is_terminal();
    let layer = tracing_subscriber::fmt::Layer::default().with_ansi(is_terminal);
    let own = filter_fn(|_| std::thread::current().name() != Some(SIMULATION_THREAD));
    match app.world().get_resource::<LogBuffer>().cloned() {
        Some(buffer) if is_terminal => {
            Box::new(layer.with_writer(move || buffer.clone()).with_filter(own))
        }
        _ => Box::new(layer.with_writer(io::stderr).with_filter(own)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_of_the_log_are_kept() {
        let mut buffer = LogBuffer::default();
        for line in 0..=MAX_LINES {
            buffer.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        let lines = buffer.lock();
        assert_eq!((lines.kept.len(), lines.dropped), (MAX_LINES, 1));
        assert_eq!(
            lines.kept.back().unwrap(),
            format!("{MAX_LINES}\n").as_bytes()
        );
    }
}
