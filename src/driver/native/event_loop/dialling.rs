//! The dial under way: by the driver's own network, or by the game's transport.

use std::time::Duration;

use mio::Token;
use pusher_protocol::{
    config::SocketTarget,
    session::{ConnectionError, DialId, Input},
};

use super::{
    super::{
        dial::{Dial, DialOrder},
        header_provider::HandshakeHeaders,
        link::Link,
        network::later,
        socket::Socket,
    },
    EventLoop,
};
use crate::{
    driver::{SessionDriver, Sink},
    transport::{Carried, Carrier, DialRequest, Transport},
};

/// How much sooner than the session a dial gives up, at most: its error says where it stuck.
const HEAD_START: Duration = Duration::from_millis(100);

/// A dial under way. Dropping it gives the dial up.
pub(super) enum Dialling {
    Own(Dial),
    Transport(DialId, Carrier),
}

impl Dialling {
    pub(super) fn id(&self) -> DialId {
        match self {
            Self::Own(dial) => dial.id,
            Self::Transport(id, _) => *id,
        }
    }

    /// Whether there is something to look after.
    pub(super) fn has_news(&self) -> bool {
        match self {
            // Its outcome comes to the mailbox.
            Self::Own(_) => false,
            Self::Transport(_, carrier) => carrier.has_news(),
        }
    }
}

impl<S: Sink> EventLoop<S> {
    /// Begins to dial.
    pub(super) fn begin_dial(
        &self,
        id: DialId,
        deadline: Duration,
        attempt: u32,
    ) -> Result<Dialling, ConnectionError> {
        let target = self.config.endpoint.target(&self.config.key)?;
        let left = deadline.saturating_sub(self.started.elapsed());
        match &self.config.transport {
            Some(transport) => {
                let request = DialRequest::new(target, attempt, left);
                self.dial_by_transport(id, &**transport, request)
            }
            None => self.dial_by_socket(id, target, left),
        }
    }

    fn dial_by_transport(
        &self,
        id: DialId,
        transport: &dyn Transport,
        request: DialRequest,
    ) -> Result<Dialling, ConnectionError> {
        let mailbox = self.mailbox.clone();
        let limit = self.config.limits.inbound_message_bytes;
        let carrier = Carrier::dial(transport, request, limit, move || mailbox.wake())?;
        Ok(Dialling::Transport(id, carrier))
    }

    fn dial_by_socket(
        &self,
        id: DialId,
        target: SocketTarget,
        left: Duration,
    ) -> Result<Dialling, ConnectionError> {
        let order = DialOrder {
            network: self.network.clone(),
            target,
            headers: HandshakeHeaders {
                fixed: self.config.handshake_headers.clone(),
                provider: self.config.handshake_header_provider.clone(),
                calls: self.provider_calls.clone(),
            },
            deadline: later(left - HEAD_START.min(left / 10)),
            allowed: self.config.timing.dial_timeout,
            inbound_message_bytes: self.config.limits.inbound_message_bytes,
        };
        let (host, port) = (order.target.host.clone(), order.target.port);
        Dial::start(id, order, self.mailbox.clone(), &self.cutoff)
            .map(Dialling::Own)
            .map_err(|error| {
                let reason = format!("no thread could be started: {error}");
                ConnectionError::Tcp { host, port, reason }
            })
    }

    /// The thread that dialled is done.
    pub(super) fn dialled(&mut self, id: DialId, outcome: Result<Box<Socket>, ConnectionError>) {
        let is_it = |dial: &mut Dialling| matches!(dial, Dialling::Own(own) if own.id == id);
        let Some(Dialling::Own(dial)) = self.dial.take_if(is_it) else {
            return;
        };
        dial.finish();
        let input = match outcome {
            Ok(socket) => {
                self.last_token = Token(self.last_token.0 + 1);
                self.link = Some(Link::by_socket(id, socket, self.last_token));
                Input::Opened(id)
            }
            Err(error) => Input::DialFailed(id, error),
        };
        self.feed(input);
    }

    /// Takes what the game's transport tells of its dial.
    pub(super) fn look_after_dial(&mut self) {
        let Some(Dialling::Transport(id, carrier)) = &mut self.dial else {
            return;
        };
        let id = *id;
        let error = match carrier.next() {
            None => return,
            Some(Carried::Opened) => None,
            Some(Carried::Ended(error)) => Some(error),
            // Not before it is open.
            Some(Carried::Text(_)) => return,
        };
        let Some(Dialling::Transport(_, carrier)) = self.dial.take() else {
            return;
        };
        let input = match error {
            None => {
                self.link = Some(Link::by_transport(id, carrier));
                Input::Opened(id)
            }
            Some(error) => Input::DialFailed(id, error),
        };
        self.feed(input);
    }
}
