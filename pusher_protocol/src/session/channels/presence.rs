//! Members of subscribed presence channels: the initial roster, joins and leaves.

use std::sync::Arc;

use crate::{
    protocol::{ChannelKind, ChannelName, EventData, Member, MemberChange, Roster, UserId},
    session::{
        Membership, Notice,
        channels::{Channel, Channels},
        context::Context,
    },
};
use serde::Deserialize;
use serde_json::value::RawValue;

impl Channels {
    /// Handles `pusher_internal:member_added`.
    pub(in crate::session) fn on_member_added(
        &mut self,
        context: &mut Context,
        name: &str,
        data: &EventData<'_>,
    ) {
        let Some((name, channel)) = self.presence(name) else {
            return;
        };
        match Member::parse(data) {
            Some(member) => channel.change_roster(context, &name, |roster| roster.add(member)),
            None => context.report(incomplete("pusher_internal:member_added")),
        }
    }

    /// Handles `pusher_internal:member_removed`.
    pub(in crate::session) fn on_member_removed(
        &mut self,
        context: &mut Context,
        name: &str,
        data: &EventData<'_>,
    ) {
        #[derive(Deserialize)]
        struct Wire {
            user_id: Box<RawValue>,
        }
        let Some((name, channel)) = self.presence(name) else {
            return;
        };
        let wire: Option<Wire> = data.parse().ok();
        match wire
            .as_ref()
            .and_then(|wire| UserId::parse(wire.user_id.get()))
        {
            Some(id) => channel.change_roster(context, &name, |roster| roster.remove(&id)),
            None => context.report(incomplete("pusher_internal:member_removed")),
        }
    }

    /// Returns a subscribed presence channel. On any other channel, membership events are ignored.
    fn presence(&mut self, name: &str) -> Option<(ChannelName, &mut Channel)> {
        self.entry(name).filter(|(name, channel)| {
            name.kind() == ChannelKind::Presence && channel.is_subscribed()
        })
    }
}

impl Channel {
    /// Replaces the roster by the server's list after subscribing, and reports each difference to the former one.
    pub(super) fn replace_roster(
        &mut self,
        context: &mut Context,
        name: &ChannelName,
        data: &EventData<'_>,
    ) {
        let roster = Arc::new(Roster::parse(data, self.me.clone()));
        let before = self.roster.replace(roster.clone());
        context.notice(Notice::Members {
            channel: name.clone(),
            roster: roster.clone(),
        });
        let Some(before) = before else { return };
        // After the whole list, so that the roster in each change is the current one.
        for change in roster.changes_since(&before) {
            notify(context, name, change, &roster, true);
        }
    }

    fn change_roster(
        &mut self,
        context: &mut Context,
        name: &ChannelName,
        change: impl FnOnce(&mut Roster) -> Option<MemberChange>,
    ) {
        let roster = self.roster.get_or_insert_default();
        // `before` shares the roster, so `make_mut` copies it. Notices that user code still holds do not change.
        let before = roster.clone();
        match change(Arc::make_mut(roster)) {
            Some(change) => notify(context, name, change, roster, false),
            // A known member, possibly with other info.
            None if *before != **roster => {
                context.notice(Notice::Members {
                    channel: name.clone(),
                    roster: roster.clone(),
                });
            }
            None => {}
        }
    }
}

fn notify(
    context: &mut Context,
    name: &ChannelName,
    change: MemberChange,
    roster: &Arc<Roster>,
    while_away: bool,
) {
    let membership = |member| Membership {
        channel: name.clone(),
        member,
        roster: roster.clone(),
        while_away,
    };
    context.notice(match change {
        MemberChange::Joined(member) => Notice::MemberJoined(membership(member)),
        MemberChange::Left(member) => Notice::MemberLeft(membership(member)),
    });
}

fn incomplete(event: &str) -> crate::session::PusherError {
    crate::session::PusherError::Incomplete {
        event: event.into(),
    }
}
