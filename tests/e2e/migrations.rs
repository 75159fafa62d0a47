//! The schema can be taken down and put up again, on both databases, from migrations of the same names.

use e2e::{TestServer, both};
use keystead_server::db::migrate;

both! { up_down_up_gives_an_equal_schema, both_databases_have_the_same_tables_and_columns }

async fn up_down_up_gives_an_equal_schema(server: TestServer) {
    server.session("alice").await;
    server.stop();
    let mut database = server.database();
    let up = database.schema();
    assert!(up.len() > 20, "{up:?}");
    database.migrate_down();
    assert_eq!(database.tables(), Vec::<String>::new());
    database.migrate_up();
    assert_eq!(database.schema(), up);
    server.restart();
    server.get("/user/jwt").refused(200).await;
}

async fn both_databases_have_the_same_tables_and_columns(server: TestServer) {
    // One list for both: whichever runs, it is held against this snapshot.
    let columns = server.database().columns().join("\n");
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!("tables_and_columns", columns) });
}

#[test]
fn both_databases_have_migrations_of_the_same_names() {
    let (sqlite, postgres) = migrate::names().expect("embedded migrations");
    assert!(!sqlite.is_empty());
    assert_eq!(sqlite, postgres);
}
