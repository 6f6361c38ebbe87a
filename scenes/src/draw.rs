//! The system set of everything that draws.

use bevy::prelude::*;

/// Systems in `PostUpdate` that bring the view up to date with the model. Systems that change the model run before it, so that
/// the same frame shows the change.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DrawSystems;
