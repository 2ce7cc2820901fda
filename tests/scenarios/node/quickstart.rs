//! The quickstart's overlay for a whole cluster.

use std::path::Path;

use grouparoo::demo::postgres_statements;
use grouparoo_clock::Clock;
use serde_json::Value;

use super::world::World;
use crate::support::node::on_node;

const PEOPLE: u32 = 300;

/// product: `kubectl apply -k` of the overlay beside the chart's operator, and the customers of PostgreSQL are in Braze
#[test]
fn the_overlay_for_a_cluster_works_as_it_stands() {
    on_node(async |node| {
        let world = World::with(node, 1, 8443).await;
        world.sandbox.add_group("7b1c2c1e-6f0e-4c53-9d2e-0d0b7f7b2a11=Newsletter".parse().expect("a group"));
        world.sandbox.add_group("3f0a9d52-8c1b-4e7a-b6d4-5e2f1c9a7b30=Texts:sms".parse().expect("a group"));
        world.database.run("drop table users").await;
        for statement in postgres_statements(PEOPLE, 42, Clock::system().now()) {
            world.database.run(&statement).await;
        }
        world.install(&Value::Null).await;
        let overlay = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/overlays/node");
        let text = world.place.kubectl(&["kustomize", &overlay.display().to_string()], "").await.success();
        // What only this test knows: its database.
        let login = &world.database.login;
        let text = text
            .replace("database: crm", &format!("database: {}", login.database))
            .replace("user: reader", &format!("user: {}", login.user))
            .replace("port: 5432", &format!("port: {}", login.port));
        world.place.apply(&text).await;
        let password = secrecy::ExposeSecret::expose_secret(login.password.as_ref().expect("a password"));
        let secret = serde_json::json!({ "stringData": { "password": password } }).to_string();
        let patch = ["patch", "secret", "warehouse", "--type=merge", "--patch", &secret];
        world.place.kubectl(&patch, "").await.success();
        world.succeeded("users-to-braze").await;
        assert_eq!(world.sandbox.user_count(), PEOPLE as usize);
        assert!(!world.sandbox.subscriptions().is_empty(), "groups are sent too");
        world.check().await;
    });
}
