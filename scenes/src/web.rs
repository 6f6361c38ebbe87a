//! The browser page as a replacement for a terminal: arguments from its URL, errors in its body.

/// Returns the arguments in the page's URL.
#[cfg(target_arch = "wasm32")]
pub(crate) fn arguments() -> Vec<String> {
    let location = web_sys::window().map(|window| window.location());
    let text = |found: Option<Result<String, _>>| found.and_then(Result::ok).unwrap_or_default();
    let query = text(location.as_ref().map(|location| location.search()));
    let host = text(location.as_ref().map(|location| location.hostname()));
    arguments_of(&query, &host, |text| {
        js_sys::decode_uri_component(text).map_or_else(|_| text.to_owned(), String::from)
    })
}

/// Converts a query string to command-line arguments: `?key=app-key&tls` is `--key=app-key --tls`. If it names no server, adds
/// the arguments for the development server of the scene process that serves the page.
fn arguments_of(query: &str, page_host: &str, decoded: impl Fn(&str) -> String) -> Vec<String> {
    let mut arguments = vec!["scene".to_owned()];
    arguments.extend(
        query
            .trim_start_matches('?')
            .split('&')
            .filter(|argument| !argument.is_empty())
            .map(|argument| format!("--{}", decoded(&argument.replace('+', " ")))),
    );
    let given = |name: &str| {
        let start = format!("--{name}=");
        arguments
            .iter()
            .find_map(|argument| argument.strip_prefix(&start))
            .map(str::to_owned)
    };
    let mut missing = Vec::new();
    if given("cluster").is_none() {
        let page_host = if page_host.is_empty() {
            "127.0.0.1"
        } else {
            page_host
        };
        let host = given("host").unwrap_or_else(|| {
            missing.push(format!("--host={page_host}"));
            page_host.to_owned()
        });
        if given("key").is_none() {
            missing.push("--key=app-key".to_owned());
            missing.push("--served-page".to_owned());
            if given("auth-endpoint").is_none() {
                let port = given("port").unwrap_or_else(|| "6001".to_owned());
                missing.push(format!("--auth-endpoint=http://{host}:{port}/pusher/auth"));
            }
        }
    }
    arguments.extend(missing);
    arguments
}

/// Replaces the page's content by an error message.
#[cfg(target_arch = "wasm32")]
pub(crate) fn show_error(error: &str) {
    let body = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.body());
    if let Some(body) = body {
        body.set_inner_text(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(query: &str) -> Vec<String> {
        let decoded = |text: &str| text.replace("%20", " ");
        arguments_of(query, "game.example", decoded).split_off(1)
    }

    #[test]
    fn page_without_arguments_uses_the_dev_server_of_its_host() {
        let expected = [
            "--host=game.example",
            "--key=app-key",
            "--served-page",
            "--auth-endpoint=http://game.example:6001/pusher/auth",
        ];
        assert_eq!(arguments(""), expected);
    }

    #[test]
    fn page_address_sets_the_arguments() {
        assert_eq!(
            arguments("?port=7001&name=Ann+of%20Green"),
            [
                "--port=7001",
                "--name=Ann of Green",
                "--host=game.example",
                "--key=app-key",
                "--served-page",
                "--auth-endpoint=http://game.example:7001/pusher/auth",
            ]
        );
        let elsewhere = ["--key=k", "--host=h", "--tls"];
        assert_eq!(arguments("?key=k&host=h&tls"), elsewhere);
        assert_eq!(arguments("?key=k&cluster=eu"), ["--key=k", "--cluster=eu"]);
    }
}
