//! Every promise of SECURITY.md has a test that proves it.
//!
//! A test whose name begins with a row's id (`f3_...`, `h1_h2_...`) proves that row. What is proved by tests with other names
//! stands in a table here. That the tests can fail is their own business; that they exist is this file's.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Families of ids, and the last number of each. SECURITY.md has them all, and no others.
const FAMILIES: [(char, u32); 9] =
    [('F', 13), ('U', 3), ('H', 18), ('T', 14), ('P', 8), ('I', 7), ('L', 1), ('R', 24), ('M', 3)];

/// Tests with names of their own.
const PROOFS: &[(&str, &[&str])] = &[
    (
        "U1",
        &[
            "the_owner_comes_in_by_either_loopback_address_and_not_without_a_key",
            "a_revoked_key_opens_no_further_tunnel",
        ],
    ),
    (
        "U2",
        &[
            "another_user_is_refused_even_with_a_right_key_and_the_owner_is_served",
            "another_user_who_closes_right_after_sending_gets_nothing_through",
            "root_counts_as_the_owner_of_another_users_daemon",
        ],
    ),
    ("U3", &["settings_that_open_the_port_further_are_told"]),
    (
        "L1",
        &[
            "nothing_secret_is_left_in_logs_files_answers_or_output",
            "nothing_secret_is_left_of_what_passed_inside",
            "a_crash_leaves_no_core_file",
            "the_command_line_holds_no_secret",
        ],
    ),
    (
        "R1",
        &[
            "a_gateway_that_is_away_is_503_after_the_wait_and_its_return_needs_no_restart",
            "a_gateway_that_returns_within_the_wait_is_no_error_at_all",
        ],
    ),
    (
        "R2",
        &[
            "a_name_without_an_address_may_pass_and_is_named",
            "a_connection_that_is_closed_or_says_nothing_may_pass",
        ],
    ),
    (
        "R3",
        &[
            "t8_a_certificate_that_does_not_hold_is_502_and_nothing_is_sent",
            "a_deployment_with_neither_prefix_is_502_and_will_not_pass",
            "f11_two_daemons_that_point_at_each_other_end_in_502",
        ],
    ),
    ("R4", &["a_stream_that_is_cut_is_visibly_cut", "a_cut_is_seen_to_be_one"]),
    (
        "R5",
        &[
            "a_pooled_connection_that_the_gateway_closed_is_not_noticed_by_the_client",
            "connections_that_the_gateway_drains_are_not_noticed_by_the_client",
            "what_a_draining_gateway_did_not_look_at_is_sent_again_and_nothing_else_is",
        ],
    ),
    (
        "R6",
        &[
            "a_request_that_was_taken_is_never_sent_again",
            "a_hang_up_over_http2_is_502_and_counted_once",
            "a_gateway_that_dies_while_an_upload_goes_on_is_502",
        ],
    ),
    ("R7", &["every_other_answer_passes_as_it_is"]),
    (
        "R8",
        &[
            "a_client_that_leaves_is_gone_at_the_gateway_within_a_second",
            "a_client_that_leaves_is_gone_on_the_other_side_within_a_second",
        ],
    ),
    (
        "R9",
        &[
            "large_transfers_and_slow_clients_need_no_memory",
            "one_stalled_client_does_not_hold_up_the_others_on_the_same_connection",
        ],
    ),
    (
        "R11",
        &[
            "t8_a_certificate_that_does_not_hold_is_502_and_nothing_is_sent",
            "f13_an_expired_a_revoked_and_a_deleted_login_are_403_and_no_token_is_shown",
        ],
    ),
    ("R12", &["an_expired_login_is_mended_by_the_next_one"]),
    (
        "R13",
        &[
            "a_login_on_a_full_disk_fails_and_the_old_one_goes_on",
            "a_log_that_cannot_be_written_harms_nobody",
        ],
    ),
    (
        "R14",
        &[
            "a_damaged_configuration_starts_a_daemon_that_says_where_and_forwards_nothing",
            "a_damaged_login_is_kept_aside_and_told_of_until_the_next_login",
            "without_a_whole_key_list_or_secret_all_keys_are_new_and_it_says_so",
        ],
    ),
    ("R15", &["a_second_aigwd_on_the_same_home_exits_and_the_first_lives"]),
    (
        "R16",
        &[
            "a_stale_socket_is_replaced",
            "i1_a_folder_that_others_may_enter_is_closed_and_a_stale_socket_replaced",
        ],
    ),
    (
        "R17",
        &[
            "kill_9_during_logins_and_key_changes_damages_no_file",
            "a_kill_at_any_step_of_a_rotation_loses_no_login",
            "a_kill_at_any_step_of_a_login_leaves_the_old_one_or_the_new_one",
        ],
    ),
    (
        "R18",
        &[
            "an_interrupted_run_is_completed_by_the_next_whichever_it_is",
            "at_each_write_with_files_that_are_there",
            "killed_at_each_write_the_next_run_completes_it",
        ],
    ),
    (
        "R19",
        &[
            "what_is_frozen_works_between_any_two_versions",
            "i3_a_version_without_anything_in_common_is_told_who_is_older",
        ],
    ),
    (
        "R20",
        &[
            "a_stream_that_runs_when_sigterm_comes_finishes",
            "a_second_signal_ends_at_once_and_what_is_cut_is_seen_to_be_cut",
            "silent_tunnels_end_a_few_seconds_after_sigterm",
        ],
    ),
    (
        "R21",
        &[
            "a_reload_by_signal_leaves_streams_alone_and_puts_new_settings_in_force",
            "a_bad_configuration_is_refused_and_the_old_one_stays",
        ],
    ),
    ("R22", &["at_the_limit_new_connections_get_503_and_the_daemon_recovers_without_spinning"]),
    ("R10", &["a_panic_is_500_in_the_dialect_and_others_are_served"]),
    (
        "R23",
        &[
            "after_another_network_the_first_request_succeeds",
            "without_a_network_a_request_fails_in_words_and_the_first_one_with_it_succeeds",
            "a_sleep_counts_once_and_a_nap_or_a_clock_set_back_does_not",
        ],
    ),
    (
        "R24",
        &[
            "nothing_is_refused_and_nothing_breaks_however_often_it_hands_over",
            "a_login_that_is_in_memory_only_goes_along",
            "tokens_are_replaced_in_time_while_it_hands_over_again_and_again",
            "a_successor_that_fails_changes_nothing_and_says_why",
            "the_successor_serves_when_the_old_one_is_killed_meanwhile",
            "the_old_one_serves_when_the_successor_is_killed_meanwhile",
        ],
    ),
    ("M1", &["what_the_policy_sets_nothing_else_can", "nothing_that_a_user_says_hides_it"]),
    (
        "M2",
        &[
            "a_policy_that_cannot_be_believed_closes_everything_but_the_control_socket",
            "what_is_planted_in_its_place_is_not_believed",
            "what_a_user_mounts_over_the_policy_is_his",
        ],
    ),
    ("M3", &["a_policy_says_how_old_aigwd_may_be"]),
];

/// The rows of SECURITY.md, and the names of all tests.
struct Tree {
    rows: Vec<String>,
    tests: BTreeSet<String>,
}

impl Tree {
    fn read() -> Self {
        let top =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests crate lies in the repository");
        let security = fs::read_to_string(top.join("SECURITY.md")).expect("SECURITY.md");
        let rows = security.lines().filter_map(row).collect();
        let mut tests = BTreeSet::new();
        for folder in ["ctl/src", "daemon/src", "shared/src", "tests/tests"] {
            collect(&top.join(folder), &mut tests);
        }
        Self { rows, tests }
    }
}

/// The id that a line of a table begins with.
fn row(line: &str) -> Option<String> {
    let id = line.strip_prefix("| ")?.split(' ').next()?;
    let (family, number) = id.split_at_checked(1)?;
    (family.chars().all(|c| c.is_ascii_uppercase()) && number.parse::<u32>().is_ok()).then(|| id.to_owned())
}

/// Adds the functions below this folder that are tests.
fn collect(folder: &Path, tests: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, tests);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                let name = line.trim_start_matches("async ").strip_prefix("fn ");
                match name.and_then(|rest| rest.split(['(', '<']).next()) {
                    Some(name) => {
                        if is_test {
                            tests.insert(name.to_owned());
                        }
                        is_test = false;
                    }
                    None if line.starts_with("#[test]") || line.starts_with("#[tokio::test") => {
                        is_test = true
                    }
                    // A test that is never run proves nothing.
                    None if line.starts_with("#[ignore") => panic!("{}: an ignored test", path.display()),
                    None => {}
                }
            }
        }
    }
}

/// The ids at the beginning of a test's name.
fn ids(test: &str) -> impl Iterator<Item = String> {
    test.split('_').map(str::to_ascii_uppercase).take_while(|part| {
        let mut letters = part.chars();
        letters.next().is_some_and(|letter| letter.is_ascii_uppercase())
            && letters.clone().next().is_some()
            && letters.all(|letter| letter.is_ascii_digit())
    })
}

#[test]
fn the_list_of_promises_is_whole() {
    let expected: Vec<String> = FAMILIES
        .iter()
        .flat_map(|(family, last)| (1..=*last).map(move |number| format!("{family}{number}")))
        .collect();
    assert_eq!(Tree::read().rows, expected);
}

#[test]
fn every_promise_has_a_test() {
    let tree = Tree::read();
    let by_name: BTreeSet<String> = tree.tests.iter().flat_map(|test| ids(test)).collect();
    let unproved: Vec<&String> = tree
        .rows
        .iter()
        .filter(|id| !by_name.contains(*id) && !PROOFS.iter().any(|(row, _)| row == id))
        .collect();
    assert!(unproved.is_empty(), "no test proves {unproved:?}");
    let strange: Vec<&String> = by_name.iter().filter(|id| !tree.rows.contains(id)).collect();
    assert!(strange.is_empty(), "tests are named after {strange:?}, which SECURITY.md does not have");
}

#[test]
fn what_is_named_here_exists() {
    let tree = Tree::read();
    for (id, tests) in PROOFS {
        assert!(tree.rows.iter().any(|row| row == id), "SECURITY.md has no {id}");
        for test in *tests {
            assert!(tree.tests.contains(*test), "{id}: there is no test {test}");
        }
    }
}
