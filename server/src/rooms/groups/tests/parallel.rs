//! Calls at the same time, through the server's own doors to the database.

use std::sync::Arc;

use super::*;
use crate::db::testing::db_test;
use crate::rooms::groups::invites::rules as invites;
use crate::rooms::groups::members::rules as members;

/// Runs all jobs at once and gives their failures in order.
fn at_once<F>(db: &TestDb, jobs: Vec<F>) -> Vec<Option<ErrorCode>>
where
    F: Fn(&crate::app::App, &mut Conn) -> KeyResult<()> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
    runtime.block_on(async {
        let running: Vec<_> = jobs
            .into_iter()
            .map(|job| {
                let app = Arc::clone(&db.app);
                tokio::spawn(async move {
                    let shared = Arc::clone(&app);
                    app.db.write(move |tx| job(&shared, tx)).await
                })
            })
            .collect();
        let mut results = Vec::new();
        for job in running {
            results.push(code(job.await.expect("no panic")));
        }
        results
    })
}

fn successes(results: &[Option<ErrorCode>]) -> usize {
    results.iter().filter(|r| r.is_none()).count()
}

db_test! {
    fn one_of_many_invites_makes_the_member(db) {
        let mut w = World::new(db);
        let (alice, bob) = (w.user("alice"), w.user("bob"));
        let group = w.group(&alice);
        let jobs = (0..8)
            .map(|_| {
                let (actor, target, input) = (w.actor(&alice, &group), bob.id.clone(), keys_for(&group, &bob));
                move |app: &crate::app::App, tx: &mut Conn| {
                    invites::invite(app, tx, &actor, &Guest::User(target.clone()), &input, Entry::Member).map(drop)
                }
            })
            .collect();
        let results = at_once(&w.db, jobs);
        assert_eq!(successes(&results), 1, "{results:?}");
        assert!(results.iter().flatten().all(|e| *e == ErrorCode::GroupAlreadyMember), "{results:?}");
    }

    fn one_of_many_accepts_succeeds(db) {
        let mut w = World::new(db);
        let (alice, bob) = (w.user("alice"), w.user("bob"));
        let group = w.group(&alice);
        let actor = w.actor(&alice, &group);
        let input = keys_for(&group, &bob);
        w.tx(|app, tx| invites::invite(app, tx, &actor, &Guest::User(bob.id.clone()), &input, Entry::Invited)).expect("invited");
        let jobs = (0..8)
            .map(|_| {
                let Actor { app_id, group_id, user_id, .. } = w.actor(&bob, &group);
                move |app: &crate::app::App, tx: &mut Conn| invites::accept(app, tx, &app_id, &group_id, &user_id)
            })
            .collect();
        let results = at_once(&w.db, jobs);
        assert_eq!(successes(&results), 1, "{results:?}");
        assert!(results.iter().flatten().all(|e| *e == ErrorCode::GroupInviteNotFound), "{results:?}");
        assert_eq!(w.rank(&bob, &group), Some(4));
    }

    fn two_admins_cannot_both_go(db) {
        let mut w = World::new(db);
        for round in 0..5 {
            let (alice, bob) = (w.user(&format!("alice{round}")), w.user(&format!("bob{round}")));
            let group = w.group(&alice);
            w.add(&alice, &group, &[(&bob, 1)]);
            let jobs = [&alice, &bob]
                .map(|user| {
                    let actor = w.actor(user, &group);
                    move |_: &crate::app::App, tx: &mut Conn| members::leave(tx, &actor)
                })
                .into();
            let results = at_once(&w.db, jobs);
            assert_eq!(successes(&results), 1, "{results:?}");
        }
    }

    fn a_user_who_goes_leaves_no_membership_behind(db) {
        let mut w = World::new(db);
        for round in 0..5 {
            let (alice, bob) = (w.user(&format!("alice{round}")), w.user(&format!("bob{round}")));
            let group = w.group(&alice);
            let (actor, input) = (w.actor(&alice, &group), keys_for(&group, &bob));
            let (app_id, bob_id) = (w.app_id.clone(), bob.id.clone());
            type Job = Box<dyn Fn(&crate::app::App, &mut Conn) -> KeyResult<()> + Send>;
            let invite: Job = {
                let target = bob_id.clone();
                Box::new(move |app, tx| invites::invite(app, tx, &actor, &Guest::User(target.clone()), &input, Entry::Member).map(drop))
            };
            let delete: Job = {
                let (app_id, id) = (app_id.clone(), bob_id.clone());
                Box::new(move |_, tx| users::delete_user(tx, &app_id, &id))
            };
            let create: Job = Box::new(move |app, tx| rules::create(app, tx, &app_id, &bob_id, None).map(drop));
            let results = at_once(&w.db, vec![invite, delete, create]);
            assert_eq!(results[1], None, "{results:?}");
            for result in [results[0], results[2]] {
                assert!(matches!(result, None | Some(ErrorCode::UserNotFound)), "{results:?}");
            }
            assert_eq!(w.rank(&bob, &group), None);
            let left: Vec<String> = group_member_keys::table
                .filter(group_member_keys::member_id.eq(&bob.id))
                .select(group_member_keys::group_id)
                .load(&mut w.db.conn)
                .unwrap();
            assert_eq!(left, [""; 0]);
        }
    }
}
