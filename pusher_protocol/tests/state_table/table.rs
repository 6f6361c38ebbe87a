//! A state table: states, stimuli, and the outputs for each pair of them.

use std::collections::BTreeMap;

use crate::scene::Scene;

/// A state, and the function that enters it.
pub type State = (&'static str, fn() -> Scene);

/// A stimulus, and the function that applies it and returns a summary of the outputs.
pub type Stimulus = (&'static str, fn(&mut Scene) -> String);

pub struct Table {
    pub states: &'static [State],
    pub stimuli: &'static [Stimulus],
    /// Outputs that contain this text are ignored.
    pub ignored: Option<&'static str>,
    /// The expected outputs.
    pub text: &'static str,
}

impl Table {
    /// Tests each cell.
    pub fn check(&self) {
        let expected = self.parse();
        let mut actual = BTreeMap::new();
        for (stimulus, happen) in self.stimuli {
            for (state, enter) in self.states {
                let mut scene = enter();
                let outcome = self.without_ignored(&happen(&mut scene));
                scene.check_always();
                scene.recover(&format!("{stimulus} in {state}"));
                actual.insert((*stimulus, *state), outcome);
            }
        }
        let wrong: Vec<String> = actual
            .iter()
            .filter(|(cell, outcome)| expected.get(*cell) != Some(outcome))
            .map(|((stimulus, state), outcome)| {
                let expected = expected.get(&(*stimulus, *state));
                format!("{stimulus} in {state}: {outcome}; expected {expected:?}")
            })
            .collect();
        let strange: Vec<_> = expected
            .keys()
            .filter(|cell| !actual.contains_key(*cell))
            .collect();
        assert!(
            wrong.is_empty() && strange.is_empty(),
            "{wrong:#?}\nno such cells: {strange:?}\nThe table would be:\n{}",
            self.print(&actual)
        );
        println!("{} cells", actual.len());
    }

    /// Removes ignored outputs, and counts repeated ones.
    fn without_ignored(&self, outcome: &str) -> String {
        let mut parts: Vec<(&str, usize)> = Vec::new();
        for part in outcome.split(", ") {
            match parts.last_mut() {
                _ if self.ignored.is_some_and(|ignored| part.contains(ignored)) => {}
                Some((before, count)) if *before == part => *count += 1,
                _ => parts.push((part, 1)),
            }
        }
        let counted = |(part, count): &(&str, usize)| match count {
            1 => (*part).to_owned(),
            _ => format!("{part} ({count} times)"),
        };
        let parts: Vec<String> = parts.iter().map(counted).collect();
        if parts.is_empty() {
            "-".into()
        } else {
            parts.join(", ")
        }
    }

    fn parse(&self) -> BTreeMap<(&'static str, &'static str), String> {
        let mut cells = BTreeMap::new();
        let mut stimulus = "";
        for line in self.text.lines().filter(|line| !line.trim().is_empty()) {
            if !line.starts_with(' ') {
                stimulus = line;
                continue;
            }
            let (states, outcome) = line.trim().split_once(": ").expect("states: outcome");
            for state in states.split(", ") {
                let before = cells.insert((stimulus, state), outcome.to_owned());
                assert_eq!(before, None, "{stimulus} in {state} is listed twice");
            }
        }
        cells
    }

    fn print(&self, cells: &BTreeMap<(&str, &str), String>) -> String {
        let mut text = String::new();
        for (stimulus, _) in self.stimuli {
            text += &format!("{stimulus}\n");
            let mut outcomes: Vec<(&str, Vec<&str>)> = Vec::new();
            for (state, _) in self.states {
                let outcome = &*cells[&(*stimulus, *state)];
                match outcomes.iter_mut().find(|(other, _)| *other == outcome) {
                    Some((_, states)) => states.push(state),
                    None => outcomes.push((outcome, vec![state])),
                }
            }
            for (outcome, states) in outcomes {
                text += &format!("    {}: {outcome}\n", states.join(", "));
            }
        }
        text
    }
}
