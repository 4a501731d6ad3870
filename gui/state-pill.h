/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What something does now, as an icon, a word and a colour: never by the colour alone. Main thread.
 */
#pragma once

#include <adwaita.h>
#include <stdbool.h>

#define P2P_TYPE_STATE_PILL (p2p_state_pill_get_type ())
G_DECLARE_FINAL_TYPE (P2pStatePill, p2p_state_pill, P2P, STATE_PILL, AdwBin)

/* state: the API's word; one that this version does not know is shown as it is. */
void p2p_state_pill_set_state (P2pStatePill *self, const char *state);

/* The word for people; a copy for the caller. */
char *p2p_state_dup_label (const char *state);

/* Whether a person should look at it. */
bool p2p_state_is_trouble (const char *state);
