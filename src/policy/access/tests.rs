#![expect(clippy::indexing_slicing, reason = "tests")]

use super::*;

const ACTIONS: [Action; 10] = [
    Action::Read,
    Action::Keys,
    Action::Accounts,
    Action::Bounds,
    Action::Operate,
    Action::Oversee,
    Action::Tokens(Role::Viewer),
    Action::Tokens(Role::Member),
    Action::Tokens(Role::Admin),
    Action::Tokens(Role::Owner),
];

/// Two organisations, a team in each, and a team of nobody's; with the reach that is exactly there.
fn world() -> Vec<(Place, Reach)> {
    let id = |it| AccountId::new(it);
    let (acme, other) = (id(1), id(2));
    let organization = |it| Place {
        organization: Some(it),
        team: None,
    };
    let team = |organization, it| Place {
        organization,
        team: Some(it),
    };
    let (web, ops, lone) = (id(3), id(4), id(5));
    vec![
        (Place::GATEWAY, Reach::Gateway),
        (organization(acme), Reach::Organization(acme)),
        (organization(other), Reach::Organization(other)),
        (team(Some(acme), web), Reach::Team(web)),
        (team(Some(other), ops), Reach::Team(ops)),
        (team(None, lone), Reach::Team(lone)),
    ]
}

#[test]
fn the_table_of_roles_is_this_one() {
    let may_do = |role| ACTIONS.map(|action| allows(role, action));
    let (yes, no) = (true, false);
    //          read keys accounts bounds operate oversee, tokens of viewer member admin owner
    assert_eq!(
        may_do(Role::Viewer),
        [yes, no, no, no, no, no, no, no, no, no]
    );
    assert_eq!(
        may_do(Role::Member),
        [yes, yes, no, no, no, no, no, no, no, no]
    );
    assert_eq!(
        may_do(Role::Admin),
        [yes, yes, yes, yes, yes, yes, yes, yes, yes, no]
    );
    assert_eq!(may_do(Role::Owner), [yes; 10]);
}

// S-29
#[test]
fn who_may_do_more_may_do_all_that_others_may() {
    for (place, _) in world() {
        for (_, reach) in world() {
            for pair in Role::ALL.windows(2) {
                for action in ACTIONS {
                    let (lesser, greater) = (pair[0], pair[1]);
                    assert!(
                        !may(lesser, reach, action, place) || may(greater, reach, action, place)
                    );
                    assert!(
                        !may(lesser, reach, action, place)
                            || may(lesser, Reach::Gateway, action, place)
                    );
                }
            }
        }
    }
}

// S-29
#[test]
fn no_token_issues_one_that_may_do_what_it_may_not() {
    for (_, own) in world() {
        for role in Role::ALL {
            for (there, given) in world() {
                for other in Role::ALL {
                    if !may(role, own, Action::Tokens(other), there) {
                        continue;
                    }
                    for action in ACTIONS {
                        for (place, _) in world() {
                            assert!(
                                !may(other, given, action, place) || may(role, own, action, place),
                                "{role:?} {own:?} issued {other:?} {given:?}"
                            );
                        }
                    }
                }
            }
        }
    }
}

// S-27
#[test]
fn what_binds_a_holder_is_out_of_reach_of_all_who_are_below_it() {
    for (place, reach) in world().into_iter().skip(1) {
        for role in Role::ALL {
            assert!(
                !may(role, reach, Action::Bounds, place.above()),
                "{place:?}"
            );
            assert!(
                !may(role, reach, Action::Accounts, place.above()),
                "{place:?}"
            );
        }
    }
}

#[test]
fn teams_and_organizations_do_not_reach_each_other() {
    let world = world();
    for (index, (place, _)) in world.iter().enumerate() {
        let reached: Vec<usize> = world
            .iter()
            .enumerate()
            .filter(|(_, (_, reach))| reaches(*reach, *place))
            .map(|(index, _)| index)
            .collect();
        let expected = match index {
            0 => vec![0],
            3 => vec![0, 1, 3],
            4 => vec![0, 2, 4],
            own => vec![0, own],
        };
        assert_eq!(reached, expected);
    }
}
