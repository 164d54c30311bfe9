use rocket_mojito::{EndpointConfig, MojitoConfig};

use super::{assert_config_stops, secret};

#[tokio::test]
async fn without_an_endpoint_nothing_starts() {
    let parts = ["no endpoint", "set `mojito.endpoints.default.secrets`", "ROCKET_MOJITO"];

    assert_config_stops(MojitoConfig::new(), &parts).await;
}

#[tokio::test]
async fn an_endpoint_without_a_secret_stops_the_launch() {
    let config = MojitoConfig::new().secret("default", secret("a")).endpoint("staging", EndpointConfig::new());

    assert_config_stops(config, &["`staging` has no secret", "set `mojito.endpoints.staging.secrets`"]).await;
}

#[tokio::test]
async fn one_secret_on_two_endpoints_stops_the_launch() {
    let config = MojitoConfig::new().secret("a", secret("same")).secret("b", secret("same"));

    assert_config_stops(config, &["`a` and `b`", "`same`", "give each a secret of its own"]).await;
}

#[tokio::test]
async fn a_secret_id_that_stands_twice_in_an_endpoint_stops_the_launch() {
    let other = rocket_mojito::SecretConfig::header("2026", "X-Other", "canary-other-0123456789abcdef");
    let config = MojitoConfig::new().secret("default", secret("2026")).secret("default", other);

    let parts = ["`2026` stands twice in `mojito.endpoints.default.secrets`", "a name of its own"];
    assert_config_stops(config, &parts).await;
}

#[tokio::test]
async fn an_endpoint_name_that_cannot_stand_in_a_path_stops_the_launch() {
    for name in
        ["", "a/b", "a b", "ü", "a.b", "<x>", "interview_result", "interview_failed", "unknown", &"x".repeat(101)]
    {
        let config = MojitoConfig::new().secret(name, secret("a"));

        assert_config_stops(config, &[&format!("endpoint name `{name}`"), "use up to 100 letters, digits"]).await;
    }
}

#[tokio::test]
async fn a_mount_that_is_no_plain_path_stops_the_launch() {
    let mounts = [
        "",
        "hooks",
        "/hooks/",
        "/a//b",
        "/a b",
        "/<x>",
        "/<x..>",
        "/a?b",
        "/a#b",
        "/%61",
        "/ü",
        "/a{b",
        "/a\\b",
        "/a\"b",
        "/a|b",
        "/a^b",
        "/a`b",
        "http://localhost/hooks",
        "/a\nb",
        "/a/../b",
        "/./a",
    ];
    for mount in mounts {
        let config = MojitoConfig::new().secret("default", secret("a")).mount(mount);

        assert_config_stops(config, &[&format!("`mojito.mount` is `{mount}`"), "a plain path such as"]).await;
    }
}
