//! The signature of a request to Pusher's HTTP API.

use md5::{Digest, Md5};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{AppCredentials, SigningError};

/// The parameters that authenticate the request. A parameter of the caller with one of these names would change their meaning.
const RESERVED: [&str; 5] = [
    "auth_key",
    "auth_signature",
    "auth_timestamp",
    "auth_version",
    "body_md5",
];

/// The characters that are escaped in a query: all except the unreserved ones of RFC 3986 and the comma, because some servers compare
/// `info=user_count,subscription_count` without decoding it.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b',');

impl AppCredentials {
    /// Returns the complete query of a request to the HTTP API, percent-encoded: `query` and the parameters that authenticate the request.
    ///
    /// - `method` is in upper case, such as `POST`.
    /// - `path` starts with a slash, such as `/apps/1/events`. It is the path that the server receives: without a prefix that a proxy
    ///   removes, and percent-encoded as in the request line.
    /// - `query` contains the parameters of the endpoint, decoded.
    /// - `body` is the request body, byte for byte. It is empty for a `GET`. A `POST` without content sends `{}`, because some servers
    ///   refuse an empty body.
    /// - `timestamp` is the Unix time in seconds. Servers refuse a request whose timestamp differs from their clock by more than 600
    ///   seconds.
    ///
    /// The signed text has three lines: the method, the path and the sorted query, with the values not percent-encoded.
    ///
    /// ```
    /// # use pusher_protocol::server::AppCredentials;
    /// let app = AppCredentials::new("key", "secret");
    /// let body = r#"{"name":"greeting","channels":["lobby"],"data":"\"hello\""}"#;
    /// let query = app.sign_request("POST", "/apps/1/events", &[], body.as_bytes(), 1_353_088_179)?;
    /// let url = format!("https://api-eu.pusher.com/apps/1/events?{query}");
    /// # assert!(url.contains("?auth_key=key&auth_timestamp=1353088179&auth_version=1.0&body_md5="));
    /// # Ok::<(), pusher_protocol::server::SigningError>(())
    /// ```
    pub fn sign_request(
        &self,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        body: &[u8],
        timestamp: u64,
    ) -> Result<String, SigningError> {
        let illegal = |character: char| {
            matches!(character, '?' | '#') || character.is_whitespace() || character.is_control()
        };
        if !path.starts_with('/') || path.contains(illegal) {
            return Err(SigningError::InvalidPath(path.to_owned()));
        }
        let mut parameters = Vec::new();
        for (name, value) in query {
            let name = name.to_lowercase();
            if RESERVED.contains(&&*name) {
                return Err(SigningError::ReservedParameter(name));
            }
            parameters.push((name, (*value).to_owned()));
        }
        parameters.extend([
            ("auth_key".to_owned(), self.key.clone()),
            ("auth_timestamp".to_owned(), timestamp.to_string()),
            ("auth_version".to_owned(), "1.0".to_owned()),
        ]);
        if !body.is_empty() {
            parameters.push(("body_md5".to_owned(), hex::encode(Md5::digest(body))));
        }
        parameters.sort();
        let plain = join(&parameters, str::to_owned);
        let escaped = join(&parameters, |text| {
            utf8_percent_encode(text, ESCAPED).to_string()
        });
        let signature = self.sign(format!("{method}\n{path}\n{plain}").as_bytes());
        Ok(format!("{escaped}&auth_signature={signature}"))
    }
}

fn join(parameters: &[(String, String)], write: impl Fn(&str) -> String) -> String {
    let pairs = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", write(name), write(value)));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app() -> AppCredentials {
        AppCredentials::new("278d425bdf160c739803", "7ad3773142a6692b25b8")
    }

    /// Test vectors of the HTTP API reference and of the server libraries.
    #[test]
    fn posts_are_signed_like_the_vectors() {
        for (path, body, md5, signature) in [
            (
                "/apps/3/events",
                r#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#,
                "ec365a775a4cd0599faeb73354201b6f",
                "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c",
            ),
            (
                "/apps/3/batch_events",
                r#"{"batch":[{"channel":"lobby","name":"a","data":"{\"n\":1}"},{"channel":"lobby","name":"b","data":"é"}]}"#,
                "edc0d234f6815e0b91d9c5b361eed93e",
                "708bd3be0c8eb1c374e322d6b82164fc59242ed4222094076d4c9d73aed965ed",
            ),
            (
                "/apps/3/users/ann/terminate_connections",
                "{}",
                "99914b932bd37a50b983c5e7c90ae93b",
                "be5c31a5c425e5f977ada7fd26137541d4f7fc6796d9855ca0100c9cc9231072",
            ),
        ] {
            let query = app().sign_request("POST", path, &[], body.as_bytes(), 1_353_088_179);
            let expected = format!(
                "auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0&body_md5={md5}&auth_signature={signature}"
            );
            assert_eq!(query, Ok(expected));
        }
    }

    #[test]
    fn gets_are_signed_like_the_vectors_in_any_order() {
        let app = AppCredentials::new("d41a439c438a100756f5", "4bf35003e819bb138249");
        for query in [
            [("filter_by_prefix", "presence-"), ("info", "user_count")],
            [("Info", "user_count"), ("filter_by_prefix", "presence-")],
        ] {
            assert_eq!(
                app.sign_request("GET", "/apps/102015/channels", &query, b"", 1_427_034_994)
                    .unwrap(),
                "auth_key=d41a439c438a100756f5&auth_timestamp=1427034994&auth_version=1.0\
                 &filter_by_prefix=presence-&info=user_count\
                 &auth_signature=4d8a02edcc8a758b0162cd6da690a9a45fb8ae326a276dca1e06a0bc42796c11"
            );
        }
        let channel = "presence-session-d41a439c438a100756f5-4bf35003e819bb138249-ROpCFmgFhXY";
        let path = format!("/apps/102015/channels/{channel}");
        let info = [("info", "user_count,subscription_count")];
        let query = app.sign_request("GET", &path, &info, b"", 1_427_053_326);
        assert!(query.unwrap().ends_with(
            "&info=user_count,subscription_count\
             &auth_signature=f93ceb31f396aef336226efe512aaf339bd5e39c7c2c04b81cc8681dc16ee785"
        ));
    }

    #[test]
    fn values_are_signed_plain_and_sent_escaped() {
        let query = [("cursor", "a b&c=d+é")];
        let signed = app().sign_request("GET", "/apps/3/channels", &query, b"", 1);
        let plain = "GET\n/apps/3/channels\nauth_key=278d425bdf160c739803&auth_timestamp=1&auth_version=1.0&cursor=a b&c=d+é";
        assert_eq!(
            signed.unwrap(),
            format!(
                "auth_key=278d425bdf160c739803&auth_timestamp=1&auth_version=1.0&cursor=a%20b%26c%3Dd%2B%C3%A9&auth_signature={}",
                app().sign(plain.as_bytes())
            )
        );
    }

    #[test]
    fn reserved_parameters_and_odd_paths_are_refused() {
        for name in RESERVED {
            let query = [(name, "1")];
            let signed = app().sign_request("GET", "/apps/3/channels", &query, b"", 1);
            let error = SigningError::ReservedParameter(name.to_owned());
            assert_eq!(signed, Err(error));
        }
        for path in ["", "apps/3", "/a?b=c", "/a#b", "/a b", "/a\nb"] {
            let signed = app().sign_request("GET", path, &[], b"", 1);
            assert_eq!(signed, Err(SigningError::InvalidPath(path.to_owned())));
        }
    }
}
