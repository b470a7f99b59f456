//! The way to the server: its name, its certificate, and whatever stands in front of it.

use crate::clients::KnownClient;
use crate::doctor::check::{Check, Place, Symptom};

/// In the order in which a client meets them.
pub(super) const ALL: &[&Check] = &[
    &ADDRESS_VALID,
    &ADDRESS_HTTPS,
    &ADDRESS_RESOLVES,
    &ADDRESS_PUBLIC,
    &ADDRESS_PORT,
    &ADDRESS_CONNECTS,
    &TLS_SPOKEN,
    &TLS_TRUSTED,
    &TLS_IN_DATE,
    &TLS_HOST_NAME,
    &ADDRESS_ANSWERS,
    &ADDRESS_NO_REDIRECT,
    &BOT_FILTER_ABSENT,
    &HOST_ACCEPTED,
    &ANSWER_IS_MCP,
    &REQUEST_SIZE_PASSES,
    &HEADER_SIZE_PASSES,
    &STREAM_UNBUFFERED,
    &STREAM_STAYS_OPEN,
    &CLOCK_AGREES,
];

/// What was typed is an address that a client takes.
pub const ADDRESS_VALID: Check = Check {
    id: "address-valid",
    title: "What was typed is an address that a client takes",
    failing: "What was typed is no address that a client takes",
    place: Place::Client,
    symptoms: &[
        Symptom::anywhere("Invalid URL"),
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
    ],
    cause: "Clients take an address with its scheme and without user, query or fragment, and use it to the letter: \
        it is what tokens are asked for.",
    fix: "Type the address as the server's page shows it, beginning with https://",
    page: "validation.md#2-it-says-who-issues-tickets",
    follows: &[],
    ..Check::BLANK
};

/// The address is https, or on this machine.
pub const ADDRESS_HTTPS: Check = Check {
    id: "address-https",
    title: "The address is https, or on this machine",
    failing: "The address is plain http",
    place: Place::Client,
    symptoms: &[Symptom::of(KnownClient::ChatGpt, "Something went wrong")],
    cause: "With http, whoever is on the way reads the token. Clients refuse it for everything but this machine.",
    fix: "Put a proxy with a certificate in front (docker-compose.yml has Caddy, which gets one by itself), set \
        public_url to the https address and type that one",
    page: "docker-compose.md#for-other-people",
    follows: &[],
    ..Check::BLANK
};

/// The name leads to an address.
pub const ADDRESS_RESOLVES: Check = Check {
    id: "address-resolves",
    title: "The name leads to an address",
    failing: "The name leads nowhere",
    place: Place::Proxy,
    symptoms: &[
        Symptom::anywhere("getaddrinfo ENOTFOUND"),
        Symptom::anywhere("ERR_NAME_NOT_RESOLVED"),
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
    ],
    cause: "There is no DNS entry of this name, or only inside a network that this machine, or the client, is not \
        in.",
    fix: "Correct a typing mistake, or make an A or AAAA record of this name; after a change wait until the old \
        answer's time to live is over",
    page: "docker-compose.md#for-other-people",
    follows: &["address-valid"],
    ..Check::BLANK
};

/// The address can be reached from where the client calls.
pub const ADDRESS_PUBLIC: Check = Check {
    id: "address-public",
    title: "The address can be reached from where the client calls",
    failing: "The client cannot reach this address from where it calls",
    place: Place::Proxy,
    symptoms: &[Symptom::of(KnownClient::ChatGpt, "Something went wrong")],
    cause: "ChatGPT and Claude call from their vendor's servers. An address on this machine or in a private network \
        means another machine there, or none.",
    fix: "Give the server a public name, or lead a tunnel to it: Cloudflare's for every client, OpenAI's Secure \
        MCP Tunnel for ChatGPT",
    page: "openai-tunnel.md",
    follows: &[],
    ..Check::BLANK
};

/// The client calls this port.
pub const ADDRESS_PORT: Check = Check {
    id: "address-port",
    title: "The client calls this port",
    failing: "It listens on another port than the client calls",
    place: Place::Proxy,
    symptoms: &[Symptom::of(
        KnownClient::Claude,
        "Authorization with the MCP server failed",
    )],
    cause: "Claude connects to port 443 and to no other (said by its maker in github.com/anthropics/claude-ai-mcp \
        issue 85). Nothing of the attempt reaches the server.",
    fix: "Let the proxy listen on port 443, and type the address without a port",
    page: "clients/claude.md#traps",
    follows: &["address-public"],
    ..Check::BLANK
};

/// Something listens there.
pub const ADDRESS_CONNECTS: Check = Check {
    id: "address-connects",
    title: "Something listens there",
    failing: "Nothing listens there",
    place: Place::Proxy,
    symptoms: &[
        Symptom::anywhere("ECONNREFUSED"),
        Symptom::anywhere("connect ETIMEDOUT"),
        Symptom::anywhere("fetch failed"),
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
    ],
    cause: "Nothing listens at this address and port, or a firewall drops what comes.",
    fix: "See that the server and the proxy in front run (`usher healthcheck`), that they listen on the address \
        that the name leads to, and that the firewall lets the port in",
    page: "docker-compose.md#settings",
    follows: &["address-resolves"],
    ..Check::BLANK
};

/// TLS is spoken there.
pub const TLS_SPOKEN: Check = Check {
    id: "tls-spoken",
    title: "TLS is spoken there",
    failing: "No TLS is spoken there",
    place: Place::Proxy,
    symptoms: &[
        Symptom::anywhere("ERR_SSL_PROTOCOL_ERROR"),
        Symptom::anywhere("wrong version number"),
        Symptom::anywhere("EPROTO"),
    ],
    cause: "What listens there speaks plain http, or no version of TLS that clients speak (1.2 and 1.3).",
    fix: "Type http only on this machine; elsewhere let a proxy with a certificate listen on this port",
    page: "docker-compose.md#settings",
    follows: &["address-connects"],
    ..Check::BLANK
};

/// The certificate comes from an authority that clients know, with the whole chain.
pub const TLS_TRUSTED: Check = Check {
    id: "tls-trusted",
    title: "The certificate comes from an authority that clients know, with the whole chain",
    failing: "The certificate is not trusted",
    place: Place::Proxy,
    symptoms: &[
        Symptom::anywhere("unable to verify the first certificate"),
        Symptom::anywhere("self-signed certificate"),
        Symptom::anywhere("unable to get local issuer certificate"),
        Symptom::anywhere("ERR_CERT_AUTHORITY_INVALID"),
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
    ],
    cause: "Clients trust the public authorities and need every certificate between the server's and theirs. \
        Browsers fetch a missing one; clients do not, so a page may open where a client fails.",
    fix: "Let the proxy send the full chain (certbot: fullchain.pem, not cert.pem). A certificate of your own \
        authority has to be trusted by each client's machine; ChatGPT and Claude cannot: take one of a public \
        authority. To walk on here, name the authority with --ca-file",
    page: "docker-compose.md#trust-the-certificate",
    follows: &["address-connects"],
    ..Check::BLANK
};

/// The certificate is valid today.
pub const TLS_IN_DATE: Check = Check {
    id: "tls-in-date",
    title: "The certificate is valid today",
    failing: "The certificate is not valid today",
    place: Place::Proxy,
    symptoms: &[
        Symptom::anywhere("certificate has expired"),
        Symptom::anywhere("ERR_CERT_DATE_INVALID"),
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
    ],
    cause: "The certificate was not renewed, or the proxy still shows the old one; or a clock is wrong.",
    fix: "Renew the certificate and have the proxy read it again; then see that the clock of this machine is right",
    page: "docker-compose.md#settings",
    follows: &["address-connects"],
    ..Check::BLANK
};

/// The certificate is for this name.
pub const TLS_HOST_NAME: Check = Check {
    id: "tls-host-name",
    title: "The certificate is for this name",
    failing: "The certificate is for another name",
    place: Place::Proxy,
    symptoms: &[
        Symptom::anywhere("Hostname/IP does not match certificate's altnames"),
        Symptom::anywhere("ERR_CERT_COMMON_NAME_INVALID"),
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
    ],
    cause: "The certificate is for other names. Usually the proxy has no site of this name and shows its first one.",
    fix: "Get a certificate for exactly this name, or type a name that the certificate is for; behind a proxy, \
        make a site of this name",
    page: "docker-compose.md#settings",
    follows: &["address-connects"],
    ..Check::BLANK
};

/// It answers in HTTP, and in time.
pub const ADDRESS_ANSWERS: Check = Check {
    id: "address-answers",
    title: "It answers in HTTP, and in time",
    failing: "No HTTP answer in time",
    place: Place::Proxy,
    symptoms: &[
        Symptom::anywhere("Request timed out"),
        Symptom::anywhere("502 Bad Gateway"),
        Symptom::anywhere("504 Gateway Timeout"),
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
    ],
    cause: "Something takes the connection, but the server behind it does not answer in the ten seconds that clients \
        wait; or what listens on this port speaks no HTTP.",
    fix: "See that the server runs (`usher healthcheck`), that the port is its own, that the proxy leads to its \
        address and port, and what the proxy's log says",
    page: "doctor.md#behind-a-proxy",
    follows: &[
        "address-connects",
        "tls-spoken",
        "tls-trusted",
        "tls-in-date",
        "tls-host-name",
    ],
    ..Check::BLANK
};

/// It answers at this very address, without a redirect.
pub const ADDRESS_NO_REDIRECT: Check = Check {
    id: "address-no-redirect",
    title: "It answers at this very address, without a redirect",
    failing: "It redirects instead of answering",
    place: Place::Proxy,
    symptoms: &[
        Symptom::anywhere("Unexpected redirect"),
        Symptom::anywhere("301 Moved Permanently"),
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
    ],
    cause: "The address leads elsewhere. Clients do not follow redirects with a token, and the address where they \
        would end is not the one that tokens are for.",
    fix: "Type the address that the redirect leads to, if that is this server; else take the redirect out of the \
        proxy for /mcp and /.well-known/*",
    page: "doctor.md#behind-a-proxy",
    follows: &["address-answers"],
    ..Check::BLANK
};

/// No bot filter or login page stands in front of it.
pub const BOT_FILTER_ABSENT: Check = Check {
    id: "bot-filter-absent",
    title: "No bot filter or login page stands in front of it",
    failing: "A bot filter or login page stands in front of it",
    place: Place::Proxy,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
        Symptom::of(
            KnownClient::Claude,
            "Authorization with the MCP server failed",
        ),
        Symptom::anywhere("403 Forbidden"),
        Symptom::anywhere("Just a moment..."),
    ],
    cause: "A bot filter, a web application firewall or a login page answers in the server's place. A client cannot \
        click on it, takes the page for a refusal, and the server's log has nothing at all.",
    fix: "Make an exception in the filter for /mcp, /sse, /messages and /.well-known/*, and for the paths of the \
        identity provider: these are called by programs. In Cloudflare: a WAF rule with the action Skip for \
        these paths, Bot Fight Mode off for the name",
    page: "clients/chatgpt.md#traps",
    follows: &["address-answers"],
    ..Check::BLANK
};

/// The server knows itself by this host name.
pub const HOST_ACCEPTED: Check = Check {
    id: "host-accepted",
    title: "The server knows itself by this host name",
    failing: "The server does not know itself by this host name",
    place: Place::Gateway,
    symptoms: &[
        Symptom::anywhere("421 Misdirected Request"),
        Symptom::anywhere("Invalid Host header"),
        Symptom::anywhere("host_not_allowed"),
    ],
    cause: "Servers refuse names that are not theirs, so that no web page reaches them under a name of its own (DNS \
        rebinding). The proxy passes on another host, or the server was not told its name.",
    fix: "Set public_url to the address that people type; let the proxy pass the Host header on (nginx: \
        proxy_set_header Host $host). Further names go to http.allowed_hosts",
    page: "doctor.md#behind-a-proxy",
    follows: &["address-answers"],
    ..Check::BLANK
};

/// What answers is an MCP server.
pub const ANSWER_IS_MCP: Check = Check {
    id: "answer-is-mcp",
    title: "What answers is an MCP server",
    failing: "What answers is no MCP server",
    place: Place::Client,
    symptoms: &[
        Symptom::of(
            KnownClient::ChatGpt,
            "This MCP server doesn't implement our specification",
        ),
        Symptom::anywhere("404 Not Found"),
        Symptom::anywhere("Unexpected token '<'"),
        Symptom::anywhere("Error POSTing to endpoint"),
    ],
    cause: "The address belongs to something else: a web page, another path of the same server, or a proxy without a \
        route to it.",
    fix: "Type the address with its path: Usher's is /mcp. Behind a proxy, lead /mcp, /sse, /messages and \
        /.well-known/* to the server, with the path unchanged",
    page: "doctor.md#behind-a-proxy",
    follows: &[
        "address-answers",
        "address-no-redirect",
        "bot-filter-absent",
        "host-accepted",
    ],
    ..Check::BLANK
};

/// Requests as large as the server takes reach it.
pub const REQUEST_SIZE_PASSES: Check = Check {
    id: "request-size-passes",
    title: "Requests as large as the server takes reach it",
    failing: "Large requests do not reach the server",
    place: Place::Proxy,
    symptoms: &[
        Symptom::anywhere("413 Request Entity Too Large"),
        Symptom::anywhere("Payload Too Large"),
    ],
    cause: "A proxy takes smaller requests than the server does: calls with large arguments fail, all others work.",
    fix: "Raise the proxy's limit to the server's (http.max_body_bytes, 1 MiB): nginx client_max_body_size 2m; \
        Caddy request_body max_size",
    page: "doctor.md#behind-a-proxy",
    follows: &["answer-is-mcp"],
    ..Check::BLANK
};

/// Headers as large as a token reach it.
pub const HEADER_SIZE_PASSES: Check = Check {
    id: "header-size-passes",
    title: "Headers as large as a token reach it",
    failing: "Headers as large as a token do not reach the server",
    place: Place::Proxy,
    symptoms: &[
        Symptom::anywhere("400 Request Header Or Cookie Too Large"),
        Symptom::anywhere("431 Request Header Fields Too Large"),
    ],
    cause: "A token with many groups or roles is several kilobytes long. A proxy that takes smaller headers refuses \
        exactly the people with the most rights.",
    fix: "Raise the proxy's limit: nginx large_client_header_buffers 4 32k; or let the identity provider write \
        fewer groups into the token",
    page: "doctor.md#behind-a-proxy",
    follows: &["answer-is-mcp"],
    ..Check::BLANK
};

/// Events arrive when they are sent.
pub const STREAM_UNBUFFERED: Check = Check {
    id: "stream-unbuffered",
    title: "Events arrive when they are sent",
    failing: "Something on the way holds events back",
    place: Place::Proxy,
    symptoms: &[
        Symptom::anywhere("Request timed out"),
        Symptom::anywhere("SSE stream disconnected"),
        Symptom::anywhere("Connection closed"),
    ],
    cause: "A proxy collects the answer before it passes it on. Streams never end, so nothing arrives.",
    fix: "Switch buffering off for these paths: nginx proxy_buffering off and gzip off; Usher says \
        X-Accel-Buffering: no, which a proxy must not take away",
    page: "doctor.md#behind-a-proxy",
    follows: &["answer-is-mcp"],
    ..Check::BLANK
};

/// A quiet stream stays open.
pub const STREAM_STAYS_OPEN: Check = Check {
    id: "stream-stays-open",
    title: "A quiet stream stays open",
    failing: "Something on the way cuts quiet streams",
    place: Place::Proxy,
    symptoms: &[
        Symptom::anywhere("SSE stream disconnected"),
        Symptom::anywhere("stream closed"),
        Symptom::anywhere("terminated"),
    ],
    cause: "A proxy or load balancer cuts connections on which nothing is said for a while, often after 60 seconds.",
    fix: "Raise the idle timeout for these paths: nginx proxy_read_timeout 1h; load balancers call it idle timeout",
    page: "doctor.md#behind-a-proxy",
    follows: &["stream-unbuffered"],
    ..Check::BLANK
};

/// The clocks agree.
pub const CLOCK_AGREES: Check = Check {
    id: "clock-agrees",
    title: "The clocks agree",
    failing: "The clocks differ",
    place: Place::Gateway,
    symptoms: &[
        Symptom::anywhere("The access token expired"),
        Symptom::anywhere("token is not yet valid"),
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
    ],
    cause: "Tokens carry times. If the clocks of the identity provider and the server are further apart than the server \
        forgives (Usher: 30 s, unless leeway_seconds says more), fresh tokens count as expired or as not valid yet.",
    fix: "Switch time synchronisation on (timedatectl set-ntp true), on the server and at the identity provider; \
        here, if this machine is the wrong one",
    page: "validation.md#5-a-ticket-looked-at",
    follows: &["address-answers"],
    ..Check::BLANK
};
