"""The other published lists of UNH-IOL, and the rules of RFC 7143 where a list is not to be had, for coverage.py.

What is known of the lists: of the login and CHAP suites the numbers for initiators (3.0 and 3.1), here the other way
round, and of the CHAP suites for targets three numbers; of error recovery for targets (2.1) groups 1 to 3; of several
connections for targets (0.2) that it exists. The rest of error recovery and all of several connections are answered by
clause instead.
"""

LOGIN = ("1.1 2.1 2.2 2.3 3.1 3.2 4.1 4.2 5.1 6.1 6.2 6.3 7.1 7.2 7.3 7.4 7.5 7.6 8.1 9.1 9.2 9.3 10.1 11.1 12.1 13.1 "
         "13.2 13.3 14.1 15.1 16.1 16.2 16.3 17.1 18.1 19.1 20.1 21.1 22.1 23.1").split()
CHAP = ("1.1 1.2.1 1.2.2 1.3 2.1 2.2 2.3 2.4 2.5 2.6 3.1 3.2 3.3 3.4 3.5 3.6.1 3.6.2 3.6.3 3.6.4 3.7 3.8 4.1 4.2 4.3 "
        "4.4 4.5 4.6 4.7 4.8 5.1 5.2 5.3").split()
CHAP_TARGETS = "1.1 3.8 3.9".split()
ERROR_RECOVERY = "1.1 1.2 2.1 2.2 2.3 2.4 3.1 3.2 3.3 3.4 3.5".split()

# (name, what its tests begin with, the numbers)
LISTS = (("login", "unh_login_", LOGIN), ("CHAP", "unh_chap_", CHAP),
         ("CHAP, targets", "unh_chap_targets_", CHAP_TARGETS), ("error recovery", "unh_er_", ERROR_RECOVERY))

# (list, clause and rule, what tests it, as in coverage.BUGS)
RULES = (
    ("recovery", "7.1.4.1 within a command: lost data and R2Ts", "erl_unsolicited_data_with_a_gap", "ffp_12_*"),
    ("recovery", "7.1.4.2 within a connection: lost commands, responses, sequences", "erl_sequence_that_stops",
     "unh_er_dropped_command", "unit:RecoveryTest.SilentInitiatorIsShownTheStatSnThatItHasMissed"),
    ("recovery", "7.1.4.3 of a connection: tasks go on by another", "unh_er_2_*", "erl_the_only_connection_is_replaced",
     "erl_data_is_right_although_connections_are_lost"),
    ("recovery", "7.1.4.4 of a session: begun anew", "login_session_reinstatement", "f082_*"),
    ("recovery", "7.2.1 retry: the same CmdSN once", "unh_er_1_*", "ffp_16_4_*", "ffp_5_1_*"),
    ("recovery", "7.2.2 allegiance: after a logout, at once, and not before", "unh_er_2_2_*",
     "erl_reassignment_right_after_the_logout_response"),
    ("recovery", "7.5 tasks of a lost connection: none waits below level 2", "f084_*", "cve_2023_54184_*"),
    ("recovery", "7.8 digest errors", "unh_er_digest_error_of_each_request", "ffp_18_2_*", "f069_*", "f068_*",
     "unh_er_header_digest_error_of_the_response_path"),
    ("recovery", "7.9 sequence errors", "erl_unsolicited_data_with_a_gap", "ffp_14_3_*"),
    ("recovery", "7.10 errors of messages: Reject, or the end", "f061_*", "f078_*", "reject_of_an_unknown_opcode"),
    ("recovery", "11.5.6 ExpDataSN of a reassignment", "unh_er_2_3_*",
     "unit:AllegianceTest.AcknowledgedDataIsNotSentAgainWithTheResponse"),
    ("recovery", "11.9.1 event 2 with its times", "erl_async_2_says_how_long_tasks_wait",
     "async_1_and_2_target_goes_away_and_the_initiator_stays"),
    ("recovery", "11.15.4, 13.16 Time2Retain: what stays, and how long", "erl_time2retain",
     "erl_nothing_is_retained_when_time2retain_is_0",
     "unit:AllegianceTest.ConnectionThatNothingWaitsAtKeepsNoPlace"),
    ("recovery", "11.16 SNACK of each type", "unh_er_3_*", "ffp_12_*", "ffp_14_2_*", "erl_r_data_snack",
     "erl_status_snack_of_every_response"),
    ("recovery", "memory kept for it is bounded", "erl_data_is_right_although_every_fifth_pdu_is_lost",
     "unit:Recovery.DataOfAllConnectionsIsBounded",
     "unit:Recovery.ResponsesOfAllConnectionsAreBoundedAndNobodyLosesHisForTheHoardOfAnother"),
    ("connections", "4.2.1, 6.3.1 joining: TSIH, CID, MaxConnections", "unh_login_2_3_*", "mcs_more_than_agreed",
     "mcs_connection_for_a_session_that_is_over"),
    ("connections", "4.2.2.1 one CmdSN for all", "mcs_order_of_commands_over_two_connections",
     "mcs_many_commands_in_turn"),
    ("connections", "4.2.2.2 a StatSN for each; digests and lengths, too", "mcs_data_goes_over_all_connections",
     "mcs_keys_of_the_leading_login"),
    ("connections", "4.2.3.3 a function is answered when the others have acknowledged",
     "mcs_reset_waits_for_acknowledgement_on_the_other_connection"),
    ("connections", "4.2.5.1 allegiance of a command", "mcs_many_commands_in_turn", "unh_er_2_2_*"),
    ("connections", "6.3.4 reinstatement of a connection", "mcs_connection_reinstatement", "unh_er_2_4_*"),
    ("connections", "6.3.5 reinstatement of the session", "mcs_session_reinstatement"),
    ("connections", "7.5 loss of one, and of the leading one", "f084_*", "mcs_loss_of_the_leading_connection"),
    ("connections", "11.2.1.8 one tag for all", "mcs_tag_in_use_on_another_connection"),
    ("connections", "11.5.1 abort of another's task", "mcs_abort_of_a_task_of_another_connection"),
    ("connections", "11.9.1 request to log out, loss told by another", "async_1_by_the_operator",
     "async_2_lost_connection_is_told_by_another"),
    ("connections", "11.14 logout of this, of another, of all", "mcs_logout_of_one_connection",
     "mcs_logout_of_the_session"),
    ("connections", "9.2.1 a challenge for each login", "unh_chap_targets_3_9_*"),
)
