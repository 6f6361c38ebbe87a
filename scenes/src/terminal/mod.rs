//! The scene all over a terminal, redrawn in place: who is here beside what is said.
//!
//! This file takes the terminal, gives it back and reads its keys; `screen` gathers what is shown, and `view` draws it.

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

/// What shells report of a process that SIGTERM ended.
const TERMINATED: u8 = 128 + 15;

/// How long a frame lasts; a key ends it sooner.
const FRAME: Duration = Duration::from_millis(50);

/// The terminal, until this is dropped: in raw mode, on the alternate screen. A panic gives it back before it tells of itself.
#[derive(Resource)]
struct Tui {
    terminal: DefaultTerminal,
    log: LogBuffer,
}

/// Takes the terminal for the scene of this title.
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

/// The system asks the scene to end (SIGTERM), which must not leave the terminal as the scene has it. Of a terminal that is gone
/// (SIGHUP) there is nothing to restore, so that ends the process as usual.
#[derive(Resource, Clone, Debug, Default)]
struct QuitSignal(Arc<AtomicBool>);

impl QuitSignal {
    fn new() -> io::Result<Self> {
        let signal = Self::default();
        #[cfg(unix)]
        {
            use signal_hook::{consts::SIGTERM, flag};
            // A second one ends a scene that does not.
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

/// Leaves the alternate screen unless the panic hook already did: doing it twice would put the cursor above what has been printed
/// since.
fn restore_terminal() {
    // There is nobody to tell if the terminal is gone.
    let _ = execute!(io::stdout(), DisableBracketedPaste);
    if is_raw_mode_enabled().unwrap_or(false) {
        ratatui::restore();
    }
}

fn draw(mut tui: ResMut<Tui>, screen: Res<Screen>, mut exit: MessageWriter<AppExit>) {
    let drawn = tui.terminal.draw(|frame| view::draw(frame, &screen));
    end_on_error(drawn, &mut exit);
}

/// The terminal is gone: so is the scene's purpose.
fn end_on_error<T>(result: io::Result<T>, exit: &mut MessageWriter<AppExit>) -> Option<T> {
    result
        .inspect_err(|error| {
            error!("the terminal is gone: {error}");
            exit.write(AppExit::error());
        })
        .ok()
}

/// Waits for a key until the next frame is due. Makes what the terminal's keys say the keys of a window; Ctrl-C ends the scene.
fn read_terminal(
    mut keys: MessageWriter<KeyboardInput>,
    mut exit: MessageWriter<AppExit>,
    mut typing: ResMut<Typing>,
    mut screen: ResMut<Screen>,
    quit: Res<QuitSignal>,
) {
    // A panic on another thread gave the terminal back.
    if !is_raw_mode_enabled().unwrap_or(false) {
        exit.write(AppExit::error());
        return;
    }
    if quit.0.load(Ordering::Relaxed) {
        exit.write(AppExit::from_code(TERMINATED));
    }
    let mut wait = FRAME;
    while end_on_error(event::poll(wait), &mut exit).unwrap_or(false) {
        wait = Duration::ZERO;
        match end_on_error(event::read(), &mut exit) {
            Some(TerminalEvent::Key(key)) if key.is_press() || key.is_repeat() => {
                if key == KeyEvent::new(Pressed::Char('c'), KeyModifiers::CONTROL) {
                    exit.write(AppExit::Success);
                } else {
                    keys.write_batch(key_of_window(key));
                }
            }
            // Its letters are no commands, and its lines are one.
            Some(TerminalEvent::Paste(text)) => typing.paste(&text),
            // What is drawn next fills the new size.
            Some(TerminalEvent::Resize(..)) => screen.set_changed(),
            Some(_) => {}
            None => return,
        }
    }
}

/// The same key as a window reports it. A terminal reports fewer, and some of them as a letter with Ctrl.
fn key_of_window(key: KeyEvent) -> Option<KeyboardInput> {
    // Windows reports AltGr as Ctrl and Alt; what is typed with it is text.
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
            // A terminal reports letters, not where they are on the keyboard.
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
    fn a_typed_letter_is_the_same_in_a_terminal_and_in_a_window() {
        let typed = key(Pressed::Char('ö')).unwrap();
        assert_eq!(typed.logical_key, Key::Character("ö".into()));
        assert_eq!(typed.text.as_deref(), Some("ö"));
        assert!(typed.state.is_pressed());
    }

    /// Set in the process that panics.
    #[cfg(target_os = "linux")]
    const PANICS: &str = "PUSHER_SCENES_PANICS";

    /// A process of its own panics in a terminal of its own, which util-linux's `script` makes.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_panic_gives_the_terminal_back() {
        use std::process::Command;

        if std::env::var_os(PANICS).is_some() {
            let arguments = crate::arguments::SceneArguments::default();
            crate::scene::scene_app("Lobby", &arguments, crate::scene::DisplayMode::Terminal)
                .unwrap()
                .init_resource::<crate::link::Link>()
                .add_systems(Update, || panic!("said after the terminal was given back"))
                .run();
            return;
        }
        let test = std::env::current_exe().unwrap();
        let name = "terminal::tests::a_panic_gives_the_terminal_back";
        let command = format!(
            "stty rows 24 cols 80; {PANICS}=1 timeout --foreground 60 '{}' --exact {name} --nocapture; stty -a",
            test.display()
        );
        let output = Command::new("script")
            .args(["--quiet", "--command", &command, "/dev/null"])
            .stdin(std::process::Stdio::null())
            .output()
            .expect("this takes util-linux's `script`");
        let output = String::from_utf8_lossy(&output.stdout);
        let place = |text: &str| {
            output
                .find(text)
                .unwrap_or_else(|| panic!("no {text:?} in {output}"))
        };
        assert!(place("\u{1b}[?1049h") < place("\u{1b}[?1049l"));
        assert!(place("\u{1b}[?1049l") < place("said after"));
        assert!(place("said after") < place(" echo "));
        assert!(place(" icanon ") > 0);
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
