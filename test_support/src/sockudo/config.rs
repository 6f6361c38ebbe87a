//! The server's configuration file, as JSON.

use std::path::Path;

use serde_json::{Value, json};

use super::SockudoOptions;
use crate::authority::TestCertificate;
use crate::credentials::AppCredentials;

pub(super) fn configuration(
    port: u16,
    options: &SockudoOptions,
    certificate: Option<&TestCertificate>,
    folder: &Path,
) -> Value {
    let app = AppCredentials::for_tests();
    let mut configuration = json!({
        "debug": false,
        "host": "127.0.0.1",
        "port": port,
        "mode": "development",
        "activity_timeout": 120,
        "adapter": {"driver": "local"},
        "cache": {"driver": "memory"},
        "queue": {"driver": "memory"},
        // If enabled, the HTTP API responds with 429 after about 100 requests.
        "rate_limiter": {"driver": "memory", "enabled": false},
        "metrics": {"enabled": false},
        "app_manager": {"driver": "memory", "array": {"apps": [{
            "id": "app-id",
            "key": app.key,
            "secret": app.secret,
            "enabled": true,
            "policy": {
                "limits": {
                    "max_connections": 1000,
                    "max_client_events_per_second": options.client_events_per_second,
                },
                "features": {
                    "enable_client_messages": true,
                    "enable_user_authentication": true,
                    "enable_watchlist_events": true,
                },
                "channels": {"allowed_origins": ["*"]},
            },
        }]}},
    });
    if let Some(certificate) = certificate {
        let (cert_path, key_path) = (folder.join("certificate.pem"), folder.join("key.pem"));
        std::fs::write(&cert_path, &certificate.certificate_pem).expect("a file can be written");
        std::fs::write(&key_path, &certificate.key_pem).expect("a file can be written");
        configuration["ssl"] =
            json!({"enabled": true, "cert_path": cert_path, "key_path": key_path});
    }
    configuration
}
