//! Who may do what to whom: ranks as numbers, the smaller the mightier (sentc.md section 8). Pure decisions.
//!
//! The law behind them, which a test holds: whatever sequence of allowed steps, ranks stay within 0 to 4, nobody becomes
//! a creator, and a group that had an administrator keeps one.

use keystead_protocol::ErrorCode;
use keystead_protocol::groups::{RANK_ADMIN, RANK_CREATOR, RANK_DEFAULT, RANK_MEMBER_MANAGER};

type Decision<T> = Result<T, ErrorCode>;

/// The group itself: delete it, stop invites, change ranks.
pub(super) fn may_administer(actor: i32) -> Decision<()> {
    if actor <= RANK_ADMIN { Ok(()) } else { Err(ErrorCode::GroupRank) }
}

/// Its members: invite, hand out keys, kick.
pub(super) fn may_manage_members(actor: i32) -> Decision<()> {
    if actor <= RANK_MEMBER_MANAGER { Ok(()) } else { Err(ErrorCode::GroupRank) }
}

/// A user in a group that is a member: the worse of his rank there and of that group's rank here.
pub(super) fn through(in_member: i32, of_member: i32) -> i32 {
    in_member.max(of_member)
}

/// To act for a group as a member of others: join, accept, reject, leave, and see what is open.
pub(super) fn may_represent(actor: i32) -> Decision<()> {
    may_administer(actor)
}

/// Starting a key rotation: as the app's option says.
pub(super) fn may_rotate(actor: i32, min_rank_key_rotation: i32) -> Decision<()> {
    if actor <= min_rank_key_rotation { Ok(()) } else { Err(ErrorCode::GroupRank) }
}

/// The rank of a new member: what was asked for, 1 to 4 and not above the inviter, or 4.
pub(super) fn of_new_member(actor: i32, asked: Option<i32>) -> Decision<i32> {
    may_manage_members(actor)?;
    let rank = asked.unwrap_or(RANK_DEFAULT);
    if (actor.max(RANK_ADMIN)..=RANK_DEFAULT).contains(&rank) { Ok(rank) } else { Err(ErrorCode::GroupRank) }
}

/// Replacing a member's wrapped keys could lock him out, so it takes the same might as a kick; unless none of them is of
/// use to him any more (`stale`), which is what re-invites are for.
pub(super) fn may_renew_keys(actor: i32, target: i32, stale: bool) -> Decision<()> {
    may_manage_members(actor)?;
    if target >= actor || stale { Ok(()) } else { Err(ErrorCode::GroupRank) }
}

/// Kicking another member. The caller has checked [`may_manage_members`].
pub(super) fn may_kick(actor: i32, target: i32) -> Decision<()> {
    match target {
        RANK_CREATOR => Err(ErrorCode::GroupKickCreator),
        _ if target < actor => Err(ErrorCode::GroupKickRank),
        _ => Ok(()),
    }
}

/// Leaving, and kicking oneself. `other_admins`: somebody else has rank 0 or 1.
pub(super) fn may_leave(rank: i32, other_admins: bool) -> Decision<()> {
    if rank > RANK_ADMIN || other_admins { Ok(()) } else { Err(ErrorCode::GroupOnlyOneAdmin) }
}

/// A rank that can be given to a member who is there.
pub(super) fn can_be_given(rank: i32) -> Decision<()> {
    if (RANK_ADMIN..=RANK_DEFAULT).contains(&rank) { Ok(()) } else { Err(ErrorCode::GroupRankChange) }
}

/// Changing the rank of `target` to `new`. `other_admins`: somebody but him has rank 0 or 1.
pub(super) fn may_change(target: i32, new: i32, other_admins: bool) -> Decision<()> {
    can_be_given(new)?;
    let last_admin_falls = target <= RANK_ADMIN && new > RANK_ADMIN && !other_admins;
    if target == RANK_CREATOR || last_admin_falls { Err(ErrorCode::GroupRankChange) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn needed_ranks_are_those_of_the_wire_reference() {
        let able = |f: fn(i32) -> Decision<()>| (0..=4).filter(|r| f(*r).is_ok()).collect::<Vec<_>>();
        assert_eq!(able(may_administer), [0, 1]);
        assert_eq!(able(may_manage_members), [0, 1, 2]);
        assert_eq!(able(can_be_given), [1, 2, 3, 4]);
        assert_eq!(able(|actor| may_rotate(actor, 2)), [0, 1, 2]);
        assert_eq!(able(|actor| may_rotate(actor, 0)), [0]);
    }

    #[test]
    fn new_members_by_inviter() {
        let given = |actor| (-6..=6).filter(|r| of_new_member(actor, Some(*r)).is_ok()).collect::<Vec<_>>();
        assert_eq!(given(0), [1, 2, 3, 4]);
        assert_eq!(given(1), [1, 2, 3, 4]);
        assert_eq!(given(2), [2, 3, 4]);
        assert!(given(3).is_empty() && given(4).is_empty());
        assert_eq!(of_new_member(0, None), Ok(4));
        assert_eq!(of_new_member(3, None), Err(ErrorCode::GroupRank));
    }

    #[test]
    fn kicks() {
        assert_eq!(may_kick(0, 0), Err(ErrorCode::GroupKickCreator));
        assert_eq!(may_kick(2, 1), Err(ErrorCode::GroupKickRank));
        assert_eq!(may_kick(1, 1), Ok(()));
        assert_eq!(may_kick(2, 4), Ok(()));
    }

    #[test]
    fn the_last_admin_stays_and_stays_admin() {
        assert_eq!(may_leave(0, false), Err(ErrorCode::GroupOnlyOneAdmin));
        assert_eq!(may_leave(1, false), Err(ErrorCode::GroupOnlyOneAdmin));
        assert_eq!(may_leave(0, true), Ok(()));
        assert_eq!(may_leave(2, false), Ok(()));
        assert_eq!(may_change(1, 2, false), Err(ErrorCode::GroupRankChange));
        assert_eq!(may_change(1, 1, false), Ok(()));
        assert_eq!(may_change(1, 2, true), Ok(()));
        assert_eq!(may_change(0, 1, true), Err(ErrorCode::GroupRankChange));
        for bad in [i32::MIN, -5, -1, 0, 5, i32::MAX] {
            assert_eq!(may_change(4, bad, true), Err(ErrorCode::GroupRankChange), "{bad}");
        }
    }

    #[test]
    fn stale_keys_may_be_replaced_above_ones_rank() {
        assert_eq!(may_renew_keys(2, 1, false), Err(ErrorCode::GroupRank));
        assert_eq!(may_renew_keys(2, 0, true), Ok(()));
        assert_eq!(may_renew_keys(2, 2, false), Ok(()));
        assert_eq!(may_renew_keys(3, 4, true), Err(ErrorCode::GroupRank));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Invite { actor: usize, rank: Option<i32> },
        Kick { actor: usize, target: usize },
        Leave { actor: usize },
        Change { actor: usize, target: usize, rank: i32 },
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let member = 0..8_usize;
        let step = prop_oneof![
            (member.clone(), proptest::option::of(-2..7)).prop_map(|(actor, rank)| Step::Invite { actor, rank }),
            (member.clone(), member.clone()).prop_map(|(actor, target)| Step::Kick { actor, target }),
            member.clone().prop_map(|actor| Step::Leave { actor }),
            (member.clone(), member, -2..7).prop_map(|(actor, target, rank)| Step::Change { actor, target, rank }),
        ];
        proptest::collection::vec(step, 0..60)
    }

    proptest! {
        #[test]
        fn a_group_never_loses_its_last_admin_nor_gains_a_creator(steps in steps()) {
            let mut members = vec![RANK_CREATOR];
            for step in steps {
                let rank = |i: usize| members.get(i).copied();
                let others = |i: usize| members.iter().enumerate().any(|(j, r)| j != i && *r <= RANK_ADMIN);
                match step {
                    Step::Invite { actor, rank: asked } => {
                        if let Some(Ok(new)) = rank(actor).map(|a| of_new_member(a, asked)) {
                            prop_assert!(new >= members[actor]);
                            members.push(new);
                        }
                    }
                    Step::Kick { actor, target } => {
                        if let (Some(a), Some(t)) = (rank(actor), rank(target))
                            && may_manage_members(a).is_ok()
                            && (if actor == target { may_leave(a, others(actor)) } else { may_kick(a, t) }).is_ok()
                        {
                            members.remove(target);
                        }
                    }
                    Step::Leave { actor } => {
                        if rank(actor).is_some_and(|a| may_leave(a, others(actor)).is_ok()) {
                            members.remove(actor);
                        }
                    }
                    Step::Change { actor, target, rank: new } => {
                        if let (Some(a), Some(t)) = (rank(actor), rank(target))
                            && may_administer(a).is_ok()
                            && may_change(t, new, others(target)).is_ok()
                        {
                            members[target] = new;
                        }
                    }
                }
                prop_assert!(members.iter().any(|r| *r <= RANK_ADMIN), "{members:?}");
                prop_assert!(members.iter().all(|r| (0..=4).contains(r)));
                prop_assert!(members.iter().filter(|r| **r == RANK_CREATOR).count() <= 1);
            }
        }
    }
}
