//! The server itself: which method is answered by what.
#![expect(
    deprecated,
    reason = "SEP-2577 deprecates logging, and the suite still tests it"
)]

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ClientCapabilities, CompleteRequestParams,
    CompleteResult, ErrorData, GetPromptRequestParams, GetPromptResponse, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, LoggingLevel,
    LoggingMessageNotificationParam, PaginatedRequestParams, ProgressNotificationParam,
    ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities,
    ServerConfig, SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter, Tool,
    UnsubscribeRequestParams,
};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext, SubscriptionSink};
use rmcp::{Peer, RoleServer, ServerHandler};
use serde_json::{Value, json};

use crate::ask::{Asked, ask, complete, form, read, sampling, with};
use crate::rounds::{self, States};
use crate::{Era, prompts, resources, tools};

const LEGACY: &[ProtocolVersion] = &[ProtocolVersion::V_2025_06_18, ProtocolVersion::V_2025_11_25];
const MODERN: &[ProtocolVersion] = &[ProtocolVersion::V_2026_07_28];

/// A list that can be made to change.
#[derive(Clone, Copy)]
enum List {
    Prompts,
    Tools,
}

#[derive(Default)]
struct Shared {
    states: States,
    tool_changes: AtomicUsize,
    prompt_changes: AtomicUsize,
    /// Modern clients that listen, by number.
    listeners: Mutex<HashMap<usize, SubscriptionSink>>,
    next_listener: AtomicUsize,
    /// Legacy clients that shook hands.
    sessions: Mutex<Vec<Peer<RoleServer>>>,
}

/// One connection's handler; what it knows is shared by all.
#[derive(Clone)]
pub(crate) struct Fixture {
    era: Era,
    shared: Arc<Shared>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Long enough that what was sent before arrives before.
async fn moment() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

impl Fixture {
    pub(crate) fn new(era: Era) -> Self {
        let shared = Arc::default();
        Self { era, shared }
    }

    /// What a list that stays the same for a minute says of itself (SEP-2549).
    fn listed<T: serde::de::DeserializeOwned>(list: Value) -> Result<T, ErrorData> {
        let caching = json!({ "ttlMs": 60_000, "cacheScope": "public" });
        complete(with(list, caching))
    }

    async fn changed(&self, list: List) {
        let changes = match list {
            List::Prompts => &self.shared.prompt_changes,
            List::Tools => &self.shared.tool_changes,
        };
        changes.fetch_add(1, Ordering::Relaxed);
        let listeners: Vec<_> = lock(&self.shared.listeners).values().cloned().collect();
        for listener in listeners {
            // Nobody misses what was told to a client that left.
            drop(match list {
                List::Prompts => listener.notify_prompt_list_changed().await,
                List::Tools => listener.notify_tool_list_changed().await,
            });
        }
        let sessions = lock(&self.shared.sessions).clone();
        for session in sessions {
            drop(match list {
                List::Prompts => session.notify_prompt_list_changed().await,
                List::Tools => session.notify_tool_list_changed().await,
            });
        }
    }

    async fn log(&self, cx: &RequestContext<RoleServer>, messages: &[&str]) {
        // Since 2026-07-28 nothing is logged that the very request did not ask for.
        let asked_for = match self.era {
            Era::Legacy => Some(LoggingLevel::Info),
            Era::Modern => cx.meta.log_level(),
        };
        let Some(level) = asked_for else { return };
        for message in messages {
            let note = LoggingMessageNotificationParam::new(level, json!(message));
            drop(cx.peer.notify_logging_message(note).await);
            moment().await;
        }
    }

    async fn progress(&self, cx: &RequestContext<RoleServer>) {
        let Some(token) = cx.meta.get_progress_token() else {
            return;
        };
        for progress in [0.0, 50.0, 100.0] {
            let note = ProgressNotificationParam::new(token.clone(), progress).with_total(100.0);
            drop(cx.peer.notify_progress(note).await);
            moment().await;
        }
    }

    /// The tools that ask the client for something first.
    async fn ask(
        &self,
        request: &CallToolRequestParams,
        cx: &RequestContext<RoleServer>,
    ) -> Result<Option<CallToolResponse>, ErrorData> {
        let argument = |name: &str| {
            let arguments = request.arguments.as_ref();
            arguments
                .and_then(|all| all.get(name)?.as_str())
                .unwrap_or("Tell me")
        };
        let question = match &*request.name {
            "test_sampling" => sampling(argument("prompt")),
            "test_elicitation" => form(argument("message"), tools::person()),
            "test_elicitation_sep1034_defaults" => form("All have defaults", tools::defaults()),
            "test_elicitation_sep1330_enums" => form("Choose", tools::enums()),
            "test_streaming_elicitation" => form("Provide a value", tools::person()),
            _ => return Ok(None),
        };
        let responses = request.input_responses.as_ref();
        Ok(Some(match ask(self.era, cx, responses, question).await? {
            Asked::Ask(result) => result,
            Asked::Answered(answer) => {
                let model = answer.pointer("/content/text").and_then(Value::as_str);
                let of = |key: &str| answer.get(key).cloned().unwrap_or_default();
                tools::said(&match model {
                    Some(text) => format!("LLM response: {text}"),
                    None => format!("User response: {}, {}", of("action"), of("content")),
                })
            }
        }))
    }
}

impl ServerHandler for Fixture {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_completions()
            .enable_logging()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_resources_subscribe()
            .enable_tools()
            .enable_tool_list_changed()
            .build();
        ServerConfig::new(capabilities)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(match self.era {
            Era::Legacy => LEGACY,
            Era::Modern => MODERN,
        })
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.supported_by(&self.get_info().capabilities))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let number = self.shared.next_listener.fetch_add(1, Ordering::Relaxed);
        lock(&self.shared.listeners).insert(number, context.sink().clone());
        context.cancelled().await;
        lock(&self.shared.listeners).remove(&number);
        Ok(())
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        lock(&self.shared.sessions).push(context.peer);
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let changes = self.shared.tool_changes.load(Ordering::Relaxed);
        Self::listed(tools::list(self.era, changes))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let tool = (name == "test_custom_header").then(tools::mirroring)?;
        serde_json::from_value(tool).ok()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if let Some(answer) = tools::constant(&request.name) {
            return answer;
        }
        if let Some(answer) = self.ask(&request, &cx).await? {
            return Ok(answer);
        }
        let capabilities = cx.client_capabilities().unwrap_or_default();
        let said = match &*request.name {
            "test_tool_with_logging" => {
                self.log(&cx, &["started", "processing", "completed"]).await;
                "Logging test completed"
            }
            "test_logging_tool" => {
                self.log(&cx, &["a level was asked for"]).await;
                "Logging tool completed"
            }
            "test_tool_with_progress" => {
                self.progress(&cx).await;
                "Progress test completed"
            }
            "test_reconnection" => {
                moment().await;
                "Reconnection test completed"
            }
            "test_trigger_tool_change" => {
                self.changed(List::Tools).await;
                "The list of tools has changed"
            }
            "test_trigger_prompt_change" => {
                self.changed(List::Prompts).await;
                "The list of prompts has changed"
            }
            "test_missing_capability" if json!(capabilities).get("sampling").is_none() => {
                let needed: ClientCapabilities = read(json!({ "sampling": {} }))?;
                return Err(ErrorData::missing_required_client_capability(needed));
            }
            "test_missing_capability" => "The capability was declared",
            "test_custom_header" => {
                let arguments = request.arguments.as_ref();
                let value = arguments.and_then(|all| all.get("value")?.as_str());
                value.ok_or_else(|| ErrorData::invalid_params("value must be a string", None))?
            }
            name => {
                return match name.strip_prefix(rounds::PREFIX) {
                    Some(name) if self.era == Era::Modern => {
                        rounds::call(name, &request, &capabilities, &self.shared.states)
                    }
                    _ => Err(ErrorData::invalid_params(format!("no tool {name}"), None)),
                };
            }
        };
        Ok(tools::said(said))
    }

    async fn list_resources(
        &self,
        _page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Self::listed(resources::list())
    }

    async fn list_resource_templates(
        &self,
        _page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Self::listed(resources::templates())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        Ok(resources::content(&request.uri)?.into())
    }

    async fn subscribe(
        &self,
        _request: SubscribeRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(
        &self,
        _request: UnsubscribeRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn list_prompts(
        &self,
        _page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let changes = self.shared.prompt_changes.load(Ordering::Relaxed);
        Self::listed(prompts::list(self.era, changes))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        prompts::get(self.era, &request)
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let all = ["paris", "park", "party"];
        let values: Vec<_> = all
            .iter()
            .filter(|value| value.starts_with(&request.argument.value))
            .collect();
        complete(
            json!({ "completion": { "values": values, "total": values.len(), "hasMore": false } }),
        )
    }

    async fn set_level(
        &self,
        _request: SetLevelRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }
}
