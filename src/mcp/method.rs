//! The JSON-RPC methods that Usher answers, and in which era.

use super::era::Era;
use super::reply::Caching;
use crate::upstream::Feature;

/// A method that is answered in at least one era.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    CallTool,
    Complete,
    Discover,
    GetPrompt,
    Initialize,
    ListPrompts,
    ListResources,
    ListResourceTemplates,
    ListTools,
    Listen,
    Ping,
    ReadResource,
    SetLevel,
    Subscribe,
    Unsubscribe,
}

impl Method {
    /// The method called `name` in `era`. `completion/complete`, `logging/setLevel` and `resources/subscribe` are served where
    /// an upstream completes, logs, or takes subscriptions.
    pub(crate) fn parse(name: &str, era: Era) -> Option<Self> {
        let method = match name {
            "tools/call" => Self::CallTool,
            "completion/complete" => Self::Complete,
            "server/discover" => Self::Discover,
            "prompts/get" => Self::GetPrompt,
            "initialize" => Self::Initialize,
            "prompts/list" => Self::ListPrompts,
            "resources/list" => Self::ListResources,
            "resources/templates/list" => Self::ListResourceTemplates,
            "tools/list" => Self::ListTools,
            "subscriptions/listen" => Self::Listen,
            "ping" => Self::Ping,
            "resources/read" => Self::ReadResource,
            "logging/setLevel" => Self::SetLevel,
            "resources/subscribe" => Self::Subscribe,
            "resources/unsubscribe" => Self::Unsubscribe,
            _ => return None,
        };
        method.is_in(era).then_some(method)
    }

    fn is_in(self, era: Era) -> bool {
        match self {
            Self::Initialize
            | Self::Ping
            | Self::SetLevel
            | Self::Subscribe
            | Self::Unsubscribe => era == Era::Legacy,
            Self::Discover | Self::Listen => era == Era::Modern,
            Self::CallTool
            | Self::Complete
            | Self::GetPrompt
            | Self::ListPrompts
            | Self::ListResources
            | Self::ListResourceTemplates
            | Self::ListTools
            | Self::ReadResource => true,
        }
    }

    /// What it lists, if it lists something.
    pub(crate) fn lists(self) -> Option<Feature> {
        match self {
            Self::ListPrompts => Some(Feature::Prompts),
            Self::ListResources => Some(Feature::Resources),
            Self::ListResourceTemplates => Some(Feature::Templates),
            Self::ListTools => Some(Feature::Tools),
            Self::CallTool
            | Self::Complete
            | Self::Discover
            | Self::GetPrompt
            | Self::Initialize
            | Self::Listen
            | Self::Ping
            | Self::ReadResource
            | Self::SetLevel
            | Self::Subscribe
            | Self::Unsubscribe => None,
        }
    }

    /// Whether a complete modern result says how long it may be cached (MCP 2026-07-28, caching).
    pub(crate) fn caching(self) -> Caching {
        match self {
            Self::CallTool
            | Self::Complete
            | Self::GetPrompt
            | Self::Initialize
            | Self::Listen
            | Self::Ping
            | Self::SetLevel
            | Self::Subscribe
            | Self::Unsubscribe => Caching::Silent,
            Self::Discover
            | Self::ListPrompts
            | Self::ListResources
            | Self::ListResourceTemplates
            | Self::ListTools
            | Self::ReadResource => Caching::Hinted,
        }
    }

    /// The name on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::CallTool => "tools/call",
            Self::Complete => "completion/complete",
            Self::Discover => "server/discover",
            Self::GetPrompt => "prompts/get",
            Self::Initialize => "initialize",
            Self::ListPrompts => "prompts/list",
            Self::ListResources => "resources/list",
            Self::ListResourceTemplates => "resources/templates/list",
            Self::ListTools => "tools/list",
            Self::Listen => "subscriptions/listen",
            Self::Ping => "ping",
            Self::ReadResource => "resources/read",
            Self::SetLevel => "logging/setLevel",
            Self::Subscribe => "resources/subscribe",
            Self::Unsubscribe => "resources/unsubscribe",
        }
    }
}
