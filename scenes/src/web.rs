//! What a page has instead of a terminal.

/// The arguments in the page's address, as a command line would have them: `?key=app-key&tls` is `--key=app-key --tls`.
pub(crate) fn arguments() -> Vec<String> {
    let query = web_sys::window().and_then(|window| window.location().search().ok());
    let query = query.unwrap_or_default();
    let arguments = query.trim_start_matches('?').split('&');
    let given = arguments
        .filter(|argument| !argument.is_empty())
        .map(|argument| format!("--{}", decoded(argument)));
    std::iter::once("scene".to_owned()).chain(given).collect()
}

fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    js_sys::decode_uri_component(&text).map_or(text, String::from)
}

/// Says in the page why there is no scene.
pub(crate) fn say(sentence: &str) {
    let body = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.body());
    if let Some(body) = body {
        body.set_inner_text(sentence);
    }
}
