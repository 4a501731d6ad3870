/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A server in the list of known ones. Signal "forget" (P2pProfile). Main thread. */
#pragma once

#include <adwaita.h>

#include "client/profile.h"

#define P2P_TYPE_KNOWN_ROW (p2p_known_row_get_type ())
G_DECLARE_FINAL_TYPE (P2pKnownRow, p2p_known_row, P2P, KNOWN_ROW, AdwActionRow)

P2pKnownRow *p2p_known_row_new (P2pProfile *profile);
P2pProfile *p2p_known_row_get_profile (P2pKnownRow *self); /* borrowed */
