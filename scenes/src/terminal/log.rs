//! What is logged while a scene has the terminal: kept from the screen, and printed once the scene has ended.
#![allow(
    clippy::print_stderr,
    reason = "what was logged is printed once the terminal is given back"
)]

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use bevy::log::{
    BoxedFmtLayer,
    tracing_subscriber::{self, Layer, filter::filter_fn},
};
use bevy::prelude::*;

use crate::company::COMPANY_THREAD;

/// Older lines are forgotten.
const KEPT: usize = 100;

/// The lines that were logged.
#[derive(Resource, Clone, Debug, Default)]
pub(super) struct LogBuffer(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<Vec<u8>>,
    forgotten: usize,
}

impl LogBuffer {
    /// Prints what was logged, and forgets it.
    pub(super) fn print(&self) {
        let lines = std::mem::take(&mut *self.lock());
        if lines.forgotten > 0 {
            eprintln!(
                "({} earlier lines of the log are left out)",
                lines.forgotten
            );
        }
        let mut out = io::stderr().lock();
        for line in lines.kept {
            // There is nobody to tell that nobody can be told.
            let _ = out.write_all(&line);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One line.
impl Write for LogBuffer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut lines = self.lock();
        if lines.kept.len() == KEPT {
            lines.kept.pop_front();
            lines.forgotten += 1;
        }
        lines.kept.push_back(line.to_owned());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the log to the standard error, without escape codes in a file; while a scene has the terminal, into its buffer. What the
/// simulated players' clients log is left out: the scene's own client says the same of the same network.
pub(crate) fn log_layer(app: &mut App) -> BoxedFmtLayer {
    let is_terminal = io::stderr().is_terminal();
    let layer = tracing_subscriber::fmt::Layer::default().with_ansi(is_terminal);
    let own = filter_fn(|_| std::thread::current().name() != Some(COMPANY_THREAD));
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
        for line in 0..=KEPT {
            buffer.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        let lines = buffer.lock();
        assert_eq!((lines.kept.len(), lines.forgotten), (KEPT, 1));
        assert_eq!(lines.kept.back().unwrap(), format!("{KEPT}\n").as_bytes());
    }
}
