//! When what one sees is changed, so that the same frame shows it.

use bevy::prelude::*;

/// In `PostUpdate`: brings what is shown up to date with what is known.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DrawSystems;
