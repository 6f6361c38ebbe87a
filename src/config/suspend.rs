/// What becomes of the connection while a phone has the app in the background. Needs the feature `lifecycle`.
///
/// Whatever the policy, a game that comes back checks its link at once, or dials at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SuspendPolicy {
    /// It stays, for as long as the system lets it: most freeze an app after some seconds or minutes, and the server takes
    /// it for dead when it answers no ping.
    #[default]
    KeepConnection,
    /// It is closed when the app goes to the background, so that others see the player leave at once, and made anew when
    /// the app comes back.
    Disconnect,
}
