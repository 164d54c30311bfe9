//! The sample configurations of `.github/proxy`, in real proxies, before a real host.

mod log;
mod passing;
mod server;
mod stalled;

use self::server::{Kind, Proxy};

/// A test for each of these functions and each proxy.
macro_rules! behind_each_proxy {
    ($($name:ident),+ $(,)?) => {
        mod nginx {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::proxy::Kind::Nginx).await;
            })+
        }

        mod caddy {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::proxy::Kind::Caddy).await;
            })+
        }
    };
}

use behind_each_proxy;
