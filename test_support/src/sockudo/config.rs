//! The server's configuration file.

use serde_json::{Value, json};

use super::SockudoOptions;
use crate::authority::TestCertificate;
use crate::scratch::ScratchFolder;
use crate::signing::AppCredentials;

pub(super) fn configuration(
    port: u16,
    options: &SockudoOptions,
    certificate: Option<&TestCertificate>,
    folder: &ScratchFolder,
) -> Value {
    let app = AppCredentials::for_tests();
    let mut configuration = json!({
        "debug": false,
        "host": "127.0.0.1",
        "port": port,
        "mode": "development",
        "activity_timeout": options.activity_timeout,
        "adapter": {"driver": "local"},
        "cache": {"driver": "memory"},
        "queue": {"driver": "memory"},
        "rate_limiter": {"driver": "memory", "enabled": options.rate_limiter},
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
        configuration["ssl"] = json!({
            "enabled": true,
            "cert_path": folder.write("certificate.pem", certificate.certificate_pem()),
            "key_path": folder.write("key.pem", certificate.key_pem()),
        });
    }
    lay_over(&mut configuration, &options.configuration);
    configuration
}

fn lay_over(base: &mut Value, over: &Value) {
    match (base, over) {
        (_, Value::Null) => {}
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                lay_over(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}
