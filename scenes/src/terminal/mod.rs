//! The full-screen terminal view: the roster next to the chat.
//!
//! This file sets up and restores the terminal and reads its keys; `screen` collects what to show, and `view` draws it.

mod log;
mod screen;
mod view;

use std::io;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use std::time::Duration;

use bevy::input::{
    ButtonState,
    keyboard::{Key, KeyCode, KeyboardInput},
};
use bevy::prelude::*;
use ratatui::{
    DefaultTerminal,
    crossterm::{
        event::{
            self, DisableBracketedPaste, EnableBracketedPaste, Event as TerminalEvent,
            KeyCode as Pressed, KeyEvent, KeyModifiers,
        },
        execute,
        terminal::is_raw_mode_enabled,
    },
};

use crate::{draw::DrawSystems, typing::Typing};
use log::LogBuffer;
pub(crate) use log::log_layer;
use screen::{Screen, ScreenPlugin};

/// The exit code that shells report for a process ended by SIGTERM.
const TERMINATED: u8 = 128 + 15;

/// How long a frame lasts at most; a key ends it early.
const FRAME: Duration = Duration::from_millis(50);

/// The terminal in raw mode, on the alternate screen. Dropping it restores the terminal and prints the buffered log.
#[derive(Resource)]
struct Tui {
    terminal: DefaultTerminal,
    log: LogBuffer,
}

/// Sets up the terminal, and adds the systems of the view.
pub(crate) fn add_to(app: &mut App, title: &str) -> Result<(), String> {
    let quit = QuitSignal::new().map_err(|error| error.to_string())?;
    let terminal = ratatui::try_init()
        .and_then(|terminal| execute!(io::stdout(), EnableBracketedPaste).map(|()| terminal))
        .map_err(|error| {
            restore_terminal();
            format!("the terminal cannot be drawn on ({error}); --headless prints lines instead")
        })?;
    let restore_by_ratatui = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let _ = execute!(io::stdout(), DisableBracketedPaste);
        restore_by_ratatui(panic);
    }));
    let log = LogBuffer::default();
    app.insert_resource(log.clone())
        .insert_resource(Tui { terminal, log })
        .insert_resource(quit)
        .add_plugins(ScreenPlugin {
            title: title.to_owned(),
        })
        .add_systems(First, read_terminal)
        .add_systems(
            PostUpdate,
            draw.after(DrawSystems).run_if(resource_changed::<Screen>),
        );
    Ok(())
}

/// Set on SIGTERM, so that the scene exits normally and restores the terminal. SIGHUP keeps its default action: the terminal is
/// gone, so there is nothing to restore.
#[derive(Resource, Clone, Debug, Default)]
struct QuitSignal(Arc<AtomicBool>);

impl QuitSignal {
    fn new() -> io::Result<Self> {
        let signal = Self::default();
        #[cfg(unix)]
        {
            use signal_hook::{consts::SIGTERM, flag};
            // A second SIGTERM ends the process at once, in case the scene hangs.
            flag::register_conditional_default(SIGTERM, Arc::clone(&signal.0))?;
            flag::register(SIGTERM, Arc::clone(&signal.0))?;
        }
        Ok(signal)
    }
}

impl Drop for Tui {
    fn drop(&mut self) {
        restore_terminal();
        self.log.print();
    }
}

/// Leaves the alternate screen, unless the panic hook has done so already: leaving it twice would move the cursor above the
/// text printed since.
fn restore_terminal() {
    // If the terminal is closed, there is nowhere to report the error.
    let _ = execute!(io::stdout(), DisableBracketedPaste);
    if is_raw_mode_enabled().unwrap_or(false) {
        ratatui::restore();
    }
}

fn draw(mut tui: ResMut<Tui>, screen: Res<Screen>, mut exit: MessageWriter<AppExit>) {
    let drawn = tui.terminal.draw(|frame| view::draw(frame, &screen));
    exit_on_error(drawn, &mut exit);
}

/// Exits the scene if the terminal is closed.
fn exit_on_error<T>(result: io::Result<T>, exit: &mut MessageWriter<AppExit>) -> Option<T> {
    result
        .inspect_err(|error| {
            error!("the terminal is closed: {error}");
            exit.write(AppExit::error());
        })
        .ok()
}

/// Waits for a key until the next frame is due. Converts keys to those that a window reports; Ctrl-C exits the scene.
fn read_terminal(
    mut keys: MessageWriter<KeyboardInput>,
    mut exit: MessageWriter<AppExit>,
    mut typing: ResMut<Typing>,
    mut screen: ResMut<Screen>,
    quit: Res<QuitSignal>,
) {
    // Raw mode is off if another thread panicked, since its panic hook restores the terminal.
    if !is_raw_mode_enabled().unwrap_or(false) {
        exit.write(AppExit::error());
        return;
    }
    if quit.0.load(Ordering::Relaxed) {
        exit.write(AppExit::from_code(TERMINATED));
    }
    let mut wait = FRAME;
    while exit_on_error(event::poll(wait), &mut exit).unwrap_or(false) {
        wait = Duration::ZERO;
        match exit_on_error(event::read(), &mut exit) {
            Some(TerminalEvent::Key(key)) if key.is_press() || key.is_repeat() => {
                if key == KeyEvent::new(Pressed::Char('c'), KeyModifiers::CONTROL) {
                    exit.write(AppExit::Success);
                } else {
                    keys.write_batch(key_of_window(key));
                }
            }
            // Pasted text is one line of input: its letters must not act as commands.
            Some(TerminalEvent::Paste(text)) => typing.paste(&text),
            // Drawing uses the new size; only a changed screen is drawn.
            Some(TerminalEvent::Resize(..)) => screen.set_changed(),
            Some(_) => {}
            None => return,
        }
    }
}

/// Converts a key to the form in which a window reports it. A terminal reports some keys as a letter with Ctrl.
fn key_of_window(key: KeyEvent) -> Option<KeyboardInput> {
    // Windows reports AltGr as Ctrl and Alt; a character typed with it is text.
    let is_letter = key.modifiers == KeyModifiers::CONTROL | KeyModifiers::ALT
        || !key
            .modifiers
            .intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    let code = match key.code {
        Pressed::Char(_) if is_letter => key.code,
        Pressed::Char('h') if key.modifiers == KeyModifiers::CONTROL => Pressed::Backspace,
        Pressed::Char('a') if key.modifiers == KeyModifiers::CONTROL => Pressed::Home,
        Pressed::Char('e') if key.modifiers == KeyModifiers::CONTROL => Pressed::End,
        Pressed::Char(_) => return None,
        code => code,
    };
    let (logical_key, key_code) = match code {
        Pressed::Enter => (Key::Enter, KeyCode::Enter),
        Pressed::Esc => (Key::Escape, KeyCode::Escape),
        Pressed::Backspace => (Key::Backspace, KeyCode::Backspace),
        Pressed::Delete => (Key::Delete, KeyCode::Delete),
        Pressed::Left => (Key::ArrowLeft, KeyCode::ArrowLeft),
        Pressed::Right => (Key::ArrowRight, KeyCode::ArrowRight),
        Pressed::Home => (Key::Home, KeyCode::Home),
        Pressed::End => (Key::End, KeyCode::End),
        Pressed::PageUp => (Key::PageUp, KeyCode::PageUp),
        Pressed::PageDown => (Key::PageDown, KeyCode::PageDown),
        Pressed::Char(typed) => {
            let text = typed.encode_utf8(&mut [0; 4]).into();
            // A terminal does not report the physical key.
            (Key::Character(text), KeyCode::Fn)
        }
        _ => return None,
    };
    let text = match &logical_key {
        Key::Character(text) => Some(text.clone()),
        _ => None,
    };
    Some(KeyboardInput {
        key_code,
        logical_key,
        state: ButtonState::Pressed,
        text,
        repeat: key.is_repeat(),
        window: Entity::PLACEHOLDER,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: Pressed) -> Option<KeyboardInput> {
        key_of_window(code.into())
    }

    #[test]
    fn typed_letter_is_equal_in_terminal_and_window() {
        let typed = key(Pressed::Char('ö')).unwrap();
        assert_eq!(typed.logical_key, Key::Character("ö".into()));
        assert_eq!(typed.text.as_deref(), Some("ö"));
        assert!(typed.state.is_pressed());
    }

    /// Set in the child process, which panics.
    #[cfg(target_os = "linux")]
    const PANICS: &str = "PUSHER_SCENES_PANICS";

    /// Runs this test again in a child process that panics, in a terminal that util-linux's `script` provides.
    #[cfg(target_os = "linux")]
    #[test]
    fn panic_restores_the_terminal() {
        use std::process::Command;

        if std::env::var_os(PANICS).is_some() {
            let arguments = crate::arguments::SceneArguments::default();
            crate::scene::scene_app("Lobby", &arguments, crate::scene::DisplayMode::Terminal)
                .unwrap()
                .init_resource::<crate::connection::NetworkStatus>()
                .add_systems(Update, || panic!("printed after the terminal was restored"))
                .run();
            return;
        }
        let test = std::env::current_exe().unwrap();
        let name = "terminal::tests::panic_restores_the_terminal";
        let command = format!(
            "stty rows 24 cols 80; {PANICS}=1 timeout --foreground 60 '{}' --exact {name} --nocapture; stty -a",
            test.display()
        );
        let output = Command::new("script")
            .args(["--quiet", "--command", &command, "/dev/null"])
            .stdin(std::process::Stdio::null())
            .output()
            .expect("the command `script` of util-linux is required");
        let output = String::from_utf8_lossy(&output.stdout);
        let position = |text: &str| {
            output
                .find(text)
                .unwrap_or_else(|| panic!("no {text:?} in {output}"))
        };
        assert!(position("\u{1b}[?1049h") < position("\u{1b}[?1049l"));
        assert!(position("\u{1b}[?1049l") < position("printed after"));
        assert!(position("printed after") < position(" echo "));
        assert!(position(" icanon ") > 0);
        assert_eq!(output.matches("\u{1b}[?1049l").count(), 1, "{output}");
    }

    #[test]
    fn only_letters_are_typed() {
        assert_eq!(key(Pressed::Enter).unwrap().text, None);
        assert_eq!(key(Pressed::F(5)), None);
        let with =
            |letter, modifiers| key_of_window(KeyEvent::new(Pressed::Char(letter), modifiers));
        assert_eq!(with('n', KeyModifiers::ALT), None);
        assert_eq!(with('n', KeyModifiers::CONTROL), None);
        let backspace = with('h', KeyModifiers::CONTROL).unwrap();
        assert_eq!(backspace.logical_key, Key::Backspace);
        let alt_gr = with('@', KeyModifiers::CONTROL | KeyModifiers::ALT).unwrap();
        assert_eq!(alt_gr.text.as_deref(), Some("@"));
    }
}
