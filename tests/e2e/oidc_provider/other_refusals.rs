//! Genuine tokens that must not open the door.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::ensure;
use serde_json::json;

use super::{Issuers, usher};
use crate::issuer_keys::{TestKey, base64url};
use crate::usher::Usher;

/// Four issuers, each with the default of RS256 alone.
pub(crate) async fn other_algorithms_than_rs256_are_refused_until_they_are_configured(
    issuers: &Issuers,
) -> anyhow::Result<()> {
    let others = ["PS256", "ES256", "EdDSA"];
    let mut more = String::new();
    for name in others {
        more += &format!("[[issuer]]\nissuer = {:?}\n", issuers.issuer(name)?);
    }
    let usher = usher("rs256-only", issuers.issuer("RS256")?, &more).await?;
    let resource = format!("{}/mcp", usher.public_url());
    let token = issuers.token("RS256", &resource, None).await?;
    let answer = usher.call(&token, None).await?;
    ensure!(answer.status == 200, "{answer:?}");
    for name in others {
        let token = issuers.token(name, &resource, None).await?;
        refused(&usher, &token, "algorithm_not_allowed").await?;
        // The operator was told at start.
        let warning = format!(
            "the issuer signs with {name}, and accepted is RS256: set `algorithms = [\\\"{name}\\\"]`"
        );
        ensure!(usher.log().contains(&warning), "{warning}: {}", usher.log());
    }
    Ok(())
}

/// The right issuer, key and client, and another server's resource.
pub(crate) async fn a_token_for_another_resource_is_refused(
    issuers: &Issuers,
) -> anyhow::Result<()> {
    let usher = usher("resource", issuers.issuer("RS256")?, "").await?;
    let told = "a genuine token of this issuer is refused";
    let other = format!("{}/other", usher.public_url());
    // Whoever makes a token up writes nothing into the log.
    let genuine = issuers.token("RS256", &other, None).await?;
    let forged = genuine
        .rsplit_once('.')
        .map(|(signed, _)| format!("{signed}.Zm9yZ2Vk"));
    refused(&usher, &forged.unwrap_or_default(), "wrong_audience").await?;
    ensure!(!usher.log().contains(told), "{}", usher.log());
    for (path, reason) in [
        ("/mcp", None),
        ("", None),
        ("/other", Some("wrong_audience")),
    ] {
        let resource = format!("{}{path}", usher.public_url());
        let token = issuers.token("RS256", &resource, None).await?;
        match reason {
            None => {
                let answer = usher.call(&token, None).await?;
                ensure!(answer.status == 200, "{resource}: {answer:?}");
            }
            Some(reason) => refused(&usher, &token, reason).await?,
        }
    }
    let (log, expected) = (usher.log(), format!("{}/mcp", usher.public_url()));
    let line = log.lines().find(|line| line.contains(told));
    let line: serde_json::Value = serde_json::from_str(line.unwrap_or_default())?;
    ensure!(
        line["found"] == other && line["expected"] == expected,
        "{line}"
    );
    ensure!(log.matches(told).count() == 1, "{log}");
    let token = issuers
        .token("RS256", "https://other.example/mcp", None)
        .await?;
    refused(&usher, &token, "wrong_audience").await
}

/// RFC 9864 gives `EdDSA` with that curve a name of its own; keys, tokens and settings may say either.
pub(crate) async fn ed25519_is_eddsa_by_another_name(issuers: &Issuers) -> anyhow::Result<()> {
    for (issuer, setting) in [("Ed25519", "EdDSA"), ("EdDSA", "Ed25519")] {
        let more = format!("algorithms = [{setting:?}]\n");
        let usher = usher(
            &format!("{issuer}-{setting}"),
            issuers.issuer(issuer)?,
            &more,
        )
        .await?;
        let resource = format!("{}/mcp", usher.public_url());
        let token = issuers.token(issuer, &resource, None).await?;
        let answer = usher.call(&token, None).await?;
        ensure!(answer.status == 200, "{issuer}: {answer:?}");
        ensure!(!usher.log().contains("signs with"), "{}", usher.log());
    }
    Ok(())
}

/// The client proves that it holds a key when it gets the token (RFC 9449 §5); whoever shows the token here does not.
pub(crate) async fn a_token_bound_to_a_key_is_refused(issuers: &Issuers) -> anyhow::Result<()> {
    let usher = usher(
        "bound",
        issuers.issuer("ES256")?,
        "algorithms = [\"ES256\"]\n",
    )
    .await?;
    let key = TestKey::new("dpop", "ES256", 0);
    let jwk = key.jwk();
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let header = json!({
        "typ": "dpop+jwt", "alg": "ES256",
        "jwk": { "kty": jwk["kty"], "crv": jwk["crv"], "x": jwk["x"], "y": jwk["y"] },
    });
    let claims = json!({
        "jti": "proof-1", "htm": "POST", "iat": now,
        "htu": format!("{}/token", issuers.issuer("ES256")?),
    });
    let signed = format!(
        "{}.{}",
        base64url(header.to_string()),
        base64url(claims.to_string())
    );
    let proof = format!("{signed}.{}", base64url(key.sign(signed.as_bytes())));
    let resource = format!("{}/mcp", usher.public_url());
    let token = issuers.token("ES256", &resource, Some(&proof)).await?;
    ensure!(
        crate::realm::claims(&token)?["cnf"]["jkt"].is_string(),
        "the issuer bound nothing"
    );
    refused(&usher, &token, "sender_constrained").await
}

/// 401 with a challenge, and the reason in the log.
pub(super) async fn refused(usher: &Usher, token: &str, reason: &str) -> anyhow::Result<()> {
    let answer = usher.call(token, None).await?;
    ensure!(
        answer.status == 401
            && answer.reason == reason
            && answer.challenge.contains("error=\"invalid_token\"")
            && answer.challenge.contains("resource_metadata="),
        "{answer:?}, expected {reason}"
    );
    Ok(())
}
